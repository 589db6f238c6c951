//! What people do while it counts: reset, limits, an editor in a usage file, renamed and removed
//! users, another size of maps.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]
#![expect(clippy::panic, reason = "as above")]
#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, net::SocketAddr, time::Duration};

use serde_json::Value;
use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    flow::{Flow, Kind},
    home::Home,
    link::Link,
    machine::Machine,
    order::{Exchange, Order, Place, Role},
    process::run,
    status::{Account, Bytes},
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const PORT: u16 = 4001;

/// One user, one link, one agent's home.
struct Stage {
    _machine: Machine,
    cgroup: Cgroup,
    user: TestUser,
    peer: TestUser,
    link: Link,
    home: Home,
}

impl Stage {
    fn new() -> Self {
        let machine = Machine::take();
        let (cgroup, user, peer) =
            (Cgroup::new("people"), TestUser::new("john"), TestUser::new("peer"));
        let (link, home) =
            (Link::new(1500, &[PORT]), Home::new("[meter]\npersist_interval = \"100ms\""));
        Self { _machine: machine, cgroup, user, peer, link, home }
    }

    /// Some traffic; the wire's totals after it.
    fn traffic(&self) -> Bytes {
        let kind = Kind::Tcp { up: 1_000_000, down: 2_000_000, write: 50_000 };
        let flow = Flow { user: &self.user, port: PORT, v6: false, kind };
        flow.start(&self.link, self.cgroup.path(), &self.peer).finish(MINUTE);
        self.truth()
    }

    fn truth(&self) -> Bytes {
        let (up, down) = self.link.flow(PORT);
        Bytes { up: up.bytes, down: down.bytes }
    }

    fn done(&self, args: &[&str]) {
        let ended = self.home.agent(args);
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
        println!("{args:?}: {}", ended.stdout.trim_end());
    }

    fn refused(&self, args: &[&str], code: i32) {
        let ended = self.home.agent(args);
        assert_eq!((ended.code, ended.stderr.lines().count()), (code, 1), "{args:?}: {ended:?}");
        println!("{args:?}: {}", ended.stderr.trim_end());
    }

    fn row(agent: &Agent<'_>, name: &str) -> Option<Account> {
        let status = agent.status();
        status.accounts.into_iter().find(|row| row.service == "ssh" && row.name == name)
    }

    /// The lines of events.jsonl about `event`.
    fn events(&self, event: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.home.state_dir().join("events.jsonl"));
        let lines = text.unwrap_or_default();
        let lines = lines.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e} in {line}"))
        });
        lines.filter(|line| line["event"] == event).collect()
    }
}

fn minus(a: Bytes, b: Bytes) -> Bytes {
    Bytes { up: a.up - b.up, down: a.down - b.down }
}

#[test]
fn reset_with_and_without_the_agent() {
    let stage = Stage::new();
    let name = stage.user.name.as_str();
    let agent = Agent::start(&stage.home);
    let before = stage.traffic();
    agent.reaches(name, before);
    stage.done(&["reset", name]);
    let row = Stage::row(&agent, name).expect("a row");
    assert_eq!((row.uplink, row.downlink, row.daily_usage, row.total_usage), (0, 0, 0, 0));
    let after = stage.traffic();
    agent.reaches(name, minus(after, before));
    // It stays: a restart brings nothing back.
    agent.kill9();
    let agent = Agent::start(&stage.home);
    agent.reaches(name, minus(after, before));
    let reset = stage.events("reset");
    assert_eq!(reset[0]["total_usage"], before.up);

    let _ = agent.terminate();
    let before = stage.traffic();
    stage.done(&["reset", "--all"]);
    let after = stage.traffic();
    let agent = Agent::start(&stage.home);
    agent.reaches(name, minus(after, before));
    stage.refused(&["reset", "vt-nobody"], 4);
    let _ = agent.terminate();
}

#[test]
fn limits_are_kept_and_shown() {
    let stage = Stage::new();
    let name = stage.user.name.as_str();
    let agent = Agent::start(&stage.home);
    stage.done(&["limit", "set", name, "1.5GiB", "--daily", "100"]);
    let row = Stage::row(&agent, name).expect("a row");
    assert_eq!((row.total_limit, row.daily_limit), (3 << 29, 100 << 20));
    assert_eq!(row.remaining, Some(100 << 20));
    let list = stage.home.agent(&["limit", "list", "--json"]);
    let list: Value = serde_json::from_str(&list.stdout).expect("JSON");
    assert_eq!(list["limits"][0]["name"], name);
    assert_eq!(list["limits"][0]["total_limit"], 3u64 << 29);

    stage.refused(&["limit", "set", "root", "1G"], 1);
    stage.refused(&["limit", "set", "vt-nobody", "1G"], 4);
    assert_eq!(stage.home.agent(&["limit", "set", name, "much"]).code, 2);
    let _ = agent.terminate();

    stage.done(&["limit", "set", name, "0", "--daily", "1.2"]);
    let usage = stage.home.usage(name);
    assert_eq!((usage.total_limit, usage.daily_limit), (0, 1_258_291));
    let agent = Agent::start(&stage.home);
    let truth = stage.traffic();
    agent.reaches(name, truth);
    assert_eq!(Stage::row(&agent, name).expect("a row").state, "warning");
    stage.done(&["limit", "remove", name]);
    assert_eq!(Stage::row(&agent, name).expect("a row").remaining, None);
    wait_for("the events", SOON, || {
        equal((stage.events("limit-set").len(), stage.events("limit-removed").len()), &(2, 1))
    });
    let _ = agent.terminate();
}

/// What `change` makes of the usage file of the stage's user, as an editor leaves it: another inode.
fn edit(stage: &Stage, change: impl Fn(&mut Value)) {
    let path = stage.home.state_dir().join("usage").join(format!("{}.json", stage.user.name));
    let text = fs::read_to_string(&path).expect("the usage file");
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    change(&mut value);
    let other = path.with_extension("edited");
    fs::write(&other, serde_json::to_string(&value).expect("JSON")).expect("an edited file");
    fs::rename(other, path).expect("the edited file in place");
}

#[test]
fn an_editor_in_a_usage_file() {
    let stage = Stage::new();
    let name = stage.user.name.as_str();
    let agent = Agent::start(&stage.home);
    let before = stage.traffic();
    agent.reaches(name, before);
    wait_for("the file", SOON, || equal(stage.home.usage(name).total_usage, &before.up));

    edit(&stage, |file| file["total_limit"] = (5u64 << 30).into());
    wait_for("the limit", SOON, || {
        equal(Stage::row(&agent, name).map(|row| row.total_limit), &Some(5 << 30))
    });
    edit(&stage, |file| file["total_usage"] = 1000.into());
    wait_for("the usage", SOON, || {
        equal(Stage::row(&agent, name).map(|row| row.total_usage), &Some(1000))
    });
    let after = stage.traffic();
    let expected = 1000 + after.up - before.up;
    wait_for("the usage, and what came on top", SOON, || {
        equal(Stage::row(&agent, name).map(|row| row.total_usage), &Some(expected))
    });
    let path = stage.home.state_dir().join("usage").join(format!("{name}.json"));
    wait_for("the file written anew", SOON, || {
        let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
        // Ours begins as the panel's did; the editor's is in alphabetical order.
        let ours = text.trim_start_matches(['{', '\n', ' ']).starts_with("\"username\"");
        let file: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        equal((ours, file["total_usage"].as_u64()), &(true, Some(expected)))
    });
    fs::write(&path, "{\"username\": ,").expect("a damaged file");
    wait_for("a bad-file event", SOON, || equal(stage.events("bad-file").len(), &1));
    wait_for("the file back", SOON, || {
        path.exists().then_some(()).ok_or_else(|| "missing".to_owned())
    });
    let _ = agent.terminate();
    assert_eq!(stage.home.usage(name).total_usage, expected);
}

#[test]
fn a_renamed_user_keeps_usage_and_a_removed_one_is_retired() {
    let mut stage = Stage::new();
    let agent = Agent::start(&stage.home);
    let before = stage.traffic();
    let (old, new) = (stage.user.name.clone(), format!("{}-x", stage.user.name));
    agent.reaches(&old, before);
    run("usermod", &["-l", &new, &old]);
    stage.user.name.clone_from(&new);
    wait_for("the new name", SOON, || {
        let row = Stage::row(&agent, &new);
        equal(row.map(|row| (row.uplink, row.uid)), &Some((before.up, Some(stage.user.uid))))
    });
    assert!(Stage::row(&agent, &old).is_none());
    let after = stage.traffic();
    agent.reaches(&new, after);

    run("userdel", &["-f", &new]);
    wait_for("the account retired", SOON, || {
        Stage::row(&agent, &new).map_or(Ok(()), |row| Err(format!("{row:?}")))
    });
    wait_for("its last numbers", SOON, || {
        let gone = stage.events("deleted");
        equal(gone.iter().map(|line| line["total_usage"].as_u64()).collect(), &vec![Some(after.up)])
    });
    // Another user with the uid starts at zero.
    let (uid, third) = (stage.user.uid.to_string(), format!("{old}-y"));
    run("useradd", &["-M", "-s", "/bin/false", "-p", "*", "-u", &uid, &third]);
    stage.user.name = third;
    let again = stage.traffic();
    agent.reaches(&stage.user.name, minus(again, after));
    let _ = agent.terminate();
}

/// An upload that goes on through stops, kills and other sizes of the maps.
#[test]
fn another_size_of_maps_under_traffic() {
    const UPLOAD: u64 = 600_000_000;
    let stage = Stage::new();
    let exchange = Exchange {
        send: UPLOAD,
        receive: Some(1000),
        write: 1 << 18,
        closes_first: false,
        progress: Some(20_000_000),
    };
    let agent = Agent::start(&stage.home);
    let to = SocketAddr::new(Link::far_address(false), PORT);
    let serve = Role::TcpListen { at: to, exchange: exchange.mirrored(), connections: 1 };
    let far = Place::of(&stage.peer).netns(&stage.link.far.name);
    let (far, _) = Order::new(far, serve).listen();
    let connect = Role::TcpConnect { to, exchange, retry: false };
    let near = Place::of(&stage.user).netns(&stage.link.near.name);
    let mut near = Order::new(near, connect).start();

    let mut agent = Some(agent);
    for max_accounts in [1000, 5000, 1000] {
        let _ = near.number("sent", SOON);
        match max_accounts {
            5000 => agent.take().expect("an agent").kill9(),
            _ => drop(agent.take().expect("an agent").terminate()),
        }
        let _ = near.number("sent", SOON);
        stage.home.configure(&format!("[meter]\nmax_accounts = {max_accounts}"));
        agent = Some(Agent::start(&stage.home));
    }
    let sent = near.number("sent", SOON);
    assert!(sent < UPLOAD, "the upload was over before the last agent was there");
    near.success(MINUTE);
    far.success(MINUTE);
    let agent = agent.expect("an agent");
    agent.reaches(&stage.user.name, stage.truth());
    assert_eq!(agent.status().agent.degraded, Vec::<String>::new());
    let _ = agent.terminate();
    assert_eq!(stage.home.usage(&stage.user.name).total_usage, stage.truth().up);
}

/// The panel's files as it left them, its torn JSON among them.
fn panel(stage: &Stage) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let (xray, usage) = (dir.path().join("etc/xray"), dir.path().join("etc/myvpn/usage"));
    fs::create_dir_all(&xray).expect("etc/xray");
    fs::create_dir_all(&usage).expect("etc/myvpn/usage");
    let name = &stage.user.name;
    let write = |file: std::path::PathBuf, text: String| fs::write(file, text).expect("a file");
    write(
        xray.join("bw-limit.conf"),
        format!("# user MB type\n{name} 2048 ssh\nbob 10 vless\ntorn\n"),
    );
    write(xray.join("bw-usage.conf"), format!("{name} 4000\nbob 70\n"));
    write(xray.join("bw-last-stats.conf"), format!("{name} 1000\nbob 7\n"));
    write(xray.join("bw-disabled.conf"), "bob vless 2026-11-01\n".to_owned());
    write(
        dir.path().join("etc/myvpn/hosts.log"),
        "www.example.org|SSH|192.0.2.7|2026-11-01 10:00:00\nby-hand.example|SSH|2026-11-01 10:00:00\n".to_owned(),
    );
    dir
}

#[test]
fn an_import_with_and_without_the_agent() {
    let stage = Stage::new();
    let name = stage.user.name.as_str();
    let panel = panel(&stage);
    let from = panel.path().to_string_lossy().into_owned();
    let agent = Agent::start(&stage.home);
    let truth = stage.traffic();
    agent.reaches(name, truth);

    let dry = stage.home.agent(&["import", "--from", &from, "--dry-run"]);
    println!("{}{}", dry.stdout, dry.stderr);
    assert!(dry.stderr.contains("bw-limit.conf:4:"), "{dry:?}");
    assert_eq!(Stage::row(&agent, name).expect("a row").total_limit, 0);

    stage.done(&["import", "--from", &from]);
    let check = |row: Account| {
        assert_eq!((row.total_usage, row.total_limit), (truth.up + 5000, 2 << 30), "{row:?}");
    };
    check(Stage::row(&agent, name).expect("a row"));
    let rows = agent.status().accounts;
    let bob = rows.iter().find(|row| row.name == "bob").expect("bob's row");
    assert_eq!(
        (bob.service.as_str(), bob.total_usage, bob.state.as_str()),
        ("vless", 77, "disabled")
    );
    let hosts = fs::read_to_string(stage.home.state_dir().join("hosts.log")).expect("hosts.log");
    assert_eq!(
        hosts,
        "www.example.org|SSH|192.0.2.7|2026-11-01 10:00:00\nby-hand.example|SSH|N/A|2026-11-01 10:00:00\n"
    );
    stage.done(&["import", "--from", &from]);
    check(Stage::row(&agent, name).expect("a row"));
    let _ = agent.terminate();
    stage.done(&["import", "--from", &from]);
    let agent = Agent::start(&stage.home);
    agent.reaches(name, truth);
    check(Stage::row(&agent, name).expect("a row"));
    let _ = agent.terminate();
}
