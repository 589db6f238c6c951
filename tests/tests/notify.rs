//! Notices: they arrive, and whatever takes them changes nothing else.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use vpnmon_tests::{
    agent::Agent,
    home::Home,
    hook::{Hook, Mood},
    http::{self, get},
    machine::{Machine, artifact},
    order::send_over_loopback,
    process::{Process, run},
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const SECRET: &str = "bot123:very-secret";

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn settings(hook: &Hook, metrics: SocketAddr, rest: &str) -> String {
    format!(
        "[enforce]\nssh = 'block'\n[metrics]\nlisten = '{metrics}'\n[notify]\n\
         webhook = 'http://{}/{SECRET}'\ntimeout = '2s'\n{rest}\n",
        hook.at()
    )
}

/// How often the agent has read the kernel's counters.
const DRAINS: &str = "vpnmon_drain_duration_seconds_count";

fn number(metrics: SocketAddr, series: &str) -> f64 {
    let (_, text) = get(metrics, "/metrics").unwrap();
    http::number(&text, series)
}

/// Sets the limit of a user to so many bytes, so many times, over one connection.
fn set_limits(home: &Home, user: &TestUser, totals: impl Iterator<Item = u64>) {
    let mut stream = UnixStream::connect(home.socket()).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for total in totals {
        let limit = json!({"limit": {"account": user.name, "daily": null, "total": total}});
        stream.write_all(format!("{limit}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert!(answer.contains("done"), "{answer}");
    }
}

fn events(hook: &Hook) -> Vec<String> {
    let word = |it: &Value| it["event"].as_str().unwrap_or_default().to_owned();
    hook.taken().iter().map(word).collect()
}

#[test]
fn a_hook_that_hangs_costs_notices_and_nothing_else() {
    let _machine = Machine::take();
    let (alice, metrics) = (TestUser::new("alice"), free());
    let hook = Hook::start(Mood::Hangs);
    let hangs = "command = ['/bin/sh', '-c', 'sleep 1000']\nevents = ['limit-set', 'warning']";
    let home = Home::new(&settings(&hook, metrics, hangs));
    let agent = Agent::start(&home);
    send_over_loopback(&alice, 90);
    let (began, drains) = (Instant::now(), number(metrics, DRAINS));
    set_limits(&home, &alice, (0..400).map(|step| 102_800 + step));
    wait_for("the webhook's first try", SOON, || {
        if hook.asked() > 0 { Ok(()) } else { Err("none".to_owned()) }
    });
    send_over_loopback(&alice, 9);
    agent.reaches(&alice.name, vpnmon_tests::status::Bytes { up: 99 * 1028, down: 99 * 1028 });
    // Who asks again at once is told the same.
    let now = wait_for("newer numbers", SOON, || {
        let now = number(metrics, DRAINS);
        if now > drains { Ok(now) } else { Err(now.to_string()) }
    });
    let passed = began.elapsed().as_secs_f64();
    let rate = (now - drains) / passed;
    let of = |what: &str, outlet| {
        number(metrics, &format!("vpnmon_notices_{what}{{outlet=\"{outlet}\"}}"))
    };
    println!("{rate:.0} drains a second over {passed:.1} s, while nothing takes notices");
    // A loop that waited for a try once would come to one in two seconds.
    assert!(rate > 25.0, "{rate} drains a second");
    for outlet in ["webhook", "command"] {
        assert!(of("dropped_total", outlet) >= 100.0, "{outlet}");
        assert!(of("queued", outlet) <= 256.0, "{outlet}");
    }
    // It comes back: what waits arrives, and how many did not.
    hook.set(Mood::Answers(200));
    wait_for("the last notice", Duration::from_mins(1), || {
        let last = hook.taken().last().map_or(Value::Null, |it| it["total_limit"].clone());
        equal(last, &json!(102_800 + 399))
    });
    let lost: u64 = hook.taken().iter().filter_map(|it| it["lost"].as_u64()).sum();
    let dropped = of("dropped_total", "webhook");
    assert_eq!(lost.to_string(), dropped.to_string());
    assert!(!agent.log().contains("secret"), "{}", agent.log());
    let began = Instant::now();
    let _ = agent.terminate();
    assert!(began.elapsed() < Duration::from_secs(15), "the stop took {:?}", began.elapsed());
}

#[test]
fn notices_arrive_after_failures_and_once() {
    let _machine = Machine::take();
    let (alice, metrics) = (TestUser::new("alice"), free());
    let hook = Hook::start(Mood::Answers(500));
    let dir = TempDir::new().unwrap();
    let said = dir.path().join("said");
    // Fails the first time.
    let script = format!("cat >> {0}; test $(wc -l < {0}) -gt 1", said.display());
    let rest = format!("command = ['/bin/sh', '-c', '{script}']");
    let home = Home::new(&settings(&hook, metrics, &rest));
    let agent = Agent::start(&home);
    send_over_loopback(&alice, 9);
    set_limits(&home, &alice, [10 * 1028].into_iter());
    wait_for("a second try", SOON, || {
        if hook.asked() > 1 { Ok(()) } else { Err(format!("{} tries", hook.asked())) }
    });
    hook.set(Mood::Answers(200));
    wait_for("the warning", SOON, || equal(events(&hook), &vec!["warning".to_owned()]));
    let notice = hook.taken().remove(0);
    assert_eq!((&notice["service"], &notice["name"]), (&json!("ssh"), &json!(alice.name)));
    assert_eq!((&notice["uplink"], &notice["total_limit"]), (&json!(9252), &json!(10_280)));
    assert!(notice["host"].is_string() && notice["time"].is_string(), "{notice}");
    // The same words in the file and for the command.
    wait_for("the command", SOON, || {
        let lines = fs::read_to_string(&said).unwrap_or_default();
        equal(lines.lines().filter(|line| line.contains("warning")).count(), &2)
    });
    let file = fs::read_to_string(home.state_dir().join("events.jsonl")).unwrap();
    let in_file = file.lines().find(|line| line.contains("warning")).unwrap();
    let (mut bare, in_file) = (notice, serde_json::from_str::<Value>(in_file).unwrap());
    bare.as_object_mut().unwrap().remove("host");
    assert_eq!(bare, in_file);

    // A refusal is not tried again, and the next notice is.
    hook.set(Mood::Answers(403));
    set_limits(&home, &alice, [9 * 1028].into_iter());
    let failed = "vpnmon_notices_failed_total{outlet=\"webhook\"}";
    wait_for("the refusal", SOON, || equal(number(metrics, failed), &1.0));
    let refused = hook.asked();
    hook.set(Mood::Answers(200));
    assert_eq!(home.agent(&["reset", &alice.name]).code, 0);
    send_over_loopback(&alice, 8);
    wait_for("the next", SOON, || equal(events(&hook), &vec!["warning".to_owned(); 2]));
    assert_eq!(hook.asked(), refused + 1);
    assert!(agent.log().contains("403") && !agent.log().contains("secret"), "{}", agent.log());
}

fn notify_test(settings: &str, authority: Option<&Path>) -> Output {
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("config.toml");
    fs::write(&config, settings).unwrap();
    let mut command = Command::new(artifact("VPNMON_AGENT", "target/release/vpnmon-agent"));
    command.args(["notify", "test", "--config"]).arg(&config);
    if let Some(file) = authority {
        command.env("SSL_CERT_FILE", file);
    }
    command.output().unwrap()
}

#[track_caller]
fn check(settings: &str, authority: Option<&Path>, code: i32, expected: &str) {
    let ended = notify_test(settings, authority);
    let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    assert!(said.contains(expected), "`{said}` where `{expected}` is due");
    assert!(!said.contains("secret"), "{said}");
    assert_eq!(ended.status.code(), Some(code), "{said}");
}

#[test]
fn the_test_says_what_becomes_of_a_notice() {
    let hook = Hook::start(Mood::Answers(200));
    let url = format!("http://{}/{SECRET}", hook.at());
    check("", None, 1, "set notify.command or notify.webhook");
    let both = format!("[notify]\nwebhook = '{url}'\ncommand = ['/bin/false']\n");
    check(&both, None, 1, "webhook: sent\nvpnmon-agent: command: not sent: /bin/false ended with");
    assert_eq!(hook.taken()[0]["event"], "test");
    let telegram = "webhook_format = 'telegram'\ntelegram_chat = '-100'\n";
    check(&format!("[notify]\nwebhook = '{url}'\n{telegram}"), None, 0, "webhook: sent");
    assert_eq!(hook.taken()[1]["chat_id"], "-100");
    let webhook = format!("[notify]\nwebhook = '{url}'\ntimeout = '300ms'\n");
    hook.set(Mood::Answers(302));
    check(&webhook, None, 1, "127.0.0.1: answers 302 Found why");
    assert_eq!(hook.asked(), 3, "a redirect was followed");
    hook.set(Mood::Hangs);
    check(&webhook, None, 1, "notify.timeout is how long it may take");
    let refused = format!("[notify]\nwebhook = 'http://{}/{SECRET}'\n", free());
    check(&refused, None, 1, "webhook: not sent: 127.0.0.1: ");
}

#[test]
fn a_certificate_is_believed_only_by_its_authority() {
    let (dir, hook, at) = (TempDir::new().unwrap(), Hook::start(Mood::Answers(200)), free());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (key, cert) = (file("key"), file("cert"));
    let kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    let files = [
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-days",
        "2",
        "-keyout",
        &key,
        "-out",
        &cert,
    ];
    run("openssl", &[&["req", "-x509"], &kind[..], &names, &files].concat());
    let config = format!(
        "foreground = yes\npid =\n[hook]\naccept = {at}\nconnect = {}\ncert = {cert}\nkey = {key}\n",
        hook.at()
    );
    fs::write(file("stunnel.conf"), config).unwrap();
    let stunnel = Process::start("stunnel", Command::new("stunnel").arg(file("stunnel.conf")));
    wait_for("stunnel", SOON, || {
        let said = stunnel.stderr();
        if said.contains("Configuration successful") { Ok(()) } else { Err(said) }
    });
    let of = |host: &str| format!("[notify]\nwebhook = 'https://{host}:{}/{SECRET}'\n", at.port());
    check(&of("localhost"), None, 1, "its certificate is not trusted here");
    check(&of("localhost"), Some(Path::new(&cert)), 0, "webhook: sent");
    check(&of("127.0.0.1"), Some(Path::new(&cert)), 1, "its certificate is not trusted here");
    assert_eq!(hook.asked(), 1);
}
