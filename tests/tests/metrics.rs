//! Prometheus and its tools on the agent's metrics, and what is in `contrib` for them.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;
use vpnmon_tests::{
    agent::Agent,
    doctor::{Doctor, Outcome},
    home::Home,
    http::{ask, get, number},
    machine::Machine,
    namespace::Namespace,
    order::send_over_loopback,
    prometheus::{Prometheus, contrib, promtool},
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

/// An answer may be so old.
const FRESH: Duration = Duration::from_millis(500);

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Everything that can be measured: Xray, which is not there, and notices, which nobody takes.
fn sections(at: SocketAddr) -> String {
    let xray = free();
    format!(
        "[metrics]\nlisten = '{at}'\naccounts = true\n[xray]\nenabled = true\napi = '{xray}'\n\
         [notify]\ncommand = ['/bin/true']\n"
    )
}

fn scrape(at: SocketAddr) -> String {
    let (status, text) = get(at, "/metrics").unwrap();
    assert_eq!(status, 200, "{text}");
    text
}

/// Names of metrics in a query.
fn names(query: &str) -> BTreeSet<&str> {
    let words = query.split(|c: char| c != '_' && !c.is_ascii_alphanumeric());
    words.filter(|it| it.starts_with("vpnmon_") || it.starts_with("process_")).collect()
}

/// All queries of the dashboard, with what Grafana puts in.
fn dashboard() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("expr").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| collect(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let text = fs::read_to_string(contrib("grafana/vpnmon.json")).unwrap();
    let mut found = Vec::new();
    collect(&serde_json::from_str(&text).unwrap(), &mut found);
    let fill = |query: String| {
        query.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$job", ".*")
    };
    found.into_iter().map(fill).collect()
}

#[test]
fn prometheus_scrapes_what_status_says() {
    let _machine = Machine::take();
    let (alice, at) = (TestUser::new("alice"), free());
    let home = Home::new(&sections(at));
    let agent = Agent::start(&home);
    let prometheus = Prometheus::start(free(), at);
    wait_for("the first scrape", SOON, || equal(prometheus.value("up{job=\"vpnmon\"}")?, &1.0));
    // A hundred kilobytes, to the byte.
    send_over_loopback(&alice, 100);
    let expected = 100 * 1028_u32;
    let series = |name: &str| format!("{name}{{service=\"ssh\",account=\"{}\"}}", alice.name);
    for name in ["vpnmon_account_uplink_bytes_total", "vpnmon_account_downlink_bytes_total"] {
        wait_for(name, SOON, || equal(prometheus.value(&series(name))?, &f64::from(expected)));
    }
    let row = agent.status().account("ssh", &alice.name).clone();
    assert_eq!((row.uplink, row.downlink), (u64::from(expected), u64::from(expected)));
    // The sum by service does not fall when its accounts' figures do.
    let sum = "vpnmon_service_uplink_bytes_total{service=\"ssh\"}";
    assert_eq!(prometheus.value(sum), Ok(f64::from(expected)));
    assert_eq!(home.agent(&["reset", &alice.name]).code, 0);
    let uplink = series("vpnmon_account_uplink_bytes_total");
    wait_for("the reset", SOON, || equal(prometheus.value(&uplink)?, &0.0));
    assert_eq!(prometheus.value(sum), Ok(f64::from(expected)));
    assert_eq!(prometheus.value("vpnmon_events_total{event=\"reset\"}"), Ok(1.0));

    // Xray is told to be there, and is not.
    wait_for("Xray", SOON, || equal(prometheus.value("vpnmon_xray_up")?, &0.0));
    let text = scrape(at);
    promtool(&["check", "metrics"], &text);
    let known: BTreeSet<_> = text.lines().flat_map(names).collect();
    let queries = dashboard();
    assert!(queries.len() > 30, "{} queries in the dashboard", queries.len());
    for query in &queries {
        prometheus.query(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
    let rules = fs::read_to_string(contrib("prometheus/alerts.yml")).unwrap();
    let used: BTreeSet<_> =
        queries.iter().flat_map(|query| names(query)).chain(names(&rules)).collect();
    // Of hosts only what has happened has a series.
    let missing: Vec<_> = used.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:?} are in contrib and not in\n{text}");
    println!("{} families, {} bytes, {} queries", known.len(), text.len(), queries.len());
}

#[test]
fn doctor_says_who_reaches_the_metrics_and_who_is_told() {
    let _machine = Machine::take();
    let netns = Namespace::new("metrics");
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 9765));
    let home = Home::new(&format!(
        "[metrics]\nlisten = '{at}'\naccounts = true\n[notify]\ncommand = ['/etc/passwd']\n"
    ));
    let look = || Doctor::within(&netns, &home);
    let nobody = look();
    assert_eq!(nobody.check("metrics").status, Outcome::Off, "{nobody:?}");
    let _agent = Agent::within(&netns, &home);
    wait_for("metrics", SOON, || equal(look().check("metrics").status, &Outcome::Ok));
    let open = look();
    let (reach, notices) = (open.check("metrics-hole"), open.check("notices"));
    assert_eq!((reach.status, notices.status), (Outcome::Off, Outcome::Off), "{open:?}");
    let why = reach.why.as_deref().unwrap_or_default();
    assert!(why.contains("names and usage of all accounts"), "{why}");
    let why = notices.why.as_deref().unwrap_or_default();
    assert!(why.contains("/etc/passwd is no program"), "{why}");

    netns.exec(&["nft", reach.nft()]);
    let closed = look();
    assert_eq!(["metrics", "metrics-hole"].map(|id| closed.check(id).status), [Outcome::Ok; 2]);
}

#[test]
fn promtool_has_nothing_against_the_rules() {
    let file = |name: &str| contrib(&format!("prometheus/{name}")).display().to_string();
    promtool(&["check", "rules", &file("alerts.yml")], "");
    promtool(&["test", "rules", &file("alerts_test.yml")], "");
    promtool(&["check", "config", &file("prometheus.yml")], "");
}

#[test]
fn nobody_who_asks_keeps_the_agent_from_its_work() {
    let _machine = Machine::take();
    let at = free();
    let home = Home::new(&sections(at));
    // The port is taken: counting starts all the same.
    let taken = TcpListener::bind(at).unwrap();
    let agent = Agent::start(&home);
    let is_told = || agent.status().agent.degraded.iter().any(|it| it.starts_with("metrics: "));
    wait_for("degraded", SOON, || equal(is_told(), &true));
    drop(taken);
    wait_for("metrics", SOON, || get(at, "/metrics").map(|_| ()));
    wait_for("recovered", SOON, || equal(is_told(), &false));

    assert_eq!(get(at, "/").unwrap().0, 404);
    assert_eq!(ask(at, "POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n").unwrap().0, 405);
    // Connections that say nothing, or half of it, take no place for longer than ten seconds.
    let silent: Vec<_> = (0..64).map(|_| TcpStream::connect(at).unwrap()).collect();
    let drains = |text: &str| number(text, "vpnmon_drain_duration_seconds_count");
    let before = agent.status();
    wait_for("a place", SOON, || get(at, "/metrics").map(|_| ()));
    drop(silent);
    // Who asks again and again is as little trouble to the drains as one whom nobody answers.
    let [idle, asked] = ["/nothing", "/metrics"].map(|path| {
        let (began, first) = (Instant::now(), drains(&scrape(at)));
        let mut asked = 0;
        while began.elapsed() < Duration::from_secs(2) {
            let _text = get(at, path).unwrap();
            asked += 1;
        }
        // No text is older.
        std::thread::sleep(FRESH);
        let rate = (drains(&scrape(at)) - first) / began.elapsed().as_secs_f64();
        println!("{asked} questions for {path} in 2 s, {rate:.0} drains a second");
        rate
    });
    assert!(
        asked > idle / 2.0,
        "{asked} drains a second, {idle} where nothing is asked of the loop"
    );
    assert_eq!(agent.status().agent.pid, before.agent.pid);
}
