//! `xray.persist`: who is out is out of the config file of a real v2ray (or Xray) too.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, thread, time::Duration};

use vpnmon_tests::{
    agent::Agent,
    doctor::{Doctor, Outcome},
    home::Home,
    machine::Machine,
    namespace::Namespace,
    wait::{SOON, equal, wait_for},
    xray::{Origin, Protocol, Xray, exchange},
};

const USERS: [(&str, Protocol); 4] = [
    ("keep", Protocol::Vless),
    ("bob", Protocol::Vless),
    ("al", Protocol::Vless),
    ("vm", Protocol::Vmess),
];

/// A server whose config is written as panels write it, with the text of that.
fn panels() -> (Xray, String) {
    let mut xray = Xray::start(&USERS);
    let mut text = fs::read_to_string(xray.config()).unwrap();
    for name in ["bob", "al"] {
        let client = format!("}},{{\"email\":\"{name}\"");
        assert!(text.contains(&client), "{text}");
        text = text.replace(&client, &format!("\n#vls {name} 2026-01-31\n{client}"));
    }
    text.push_str("// the end\n");
    fs::write(xray.config(), &text).unwrap();
    fs::set_permissions(xray.config(), fs::Permissions::from_mode(0o640)).unwrap();
    xray.restart();
    (xray, text)
}

/// The panel's two lines of a user, gone.
fn without(text: &str, name: &str) -> String {
    let from = text.find(&format!("#vls {name} ")).unwrap();
    let (first, rest) = text[from..].split_once('\n').unwrap();
    let second = rest.split_inclusive('\n').next().unwrap();
    // The last one is closed on its own line.
    let length = second.find("}]").unwrap_or(second.len());
    format!("{}{}", &text[..from], &text[from + first.len() + 1 + length..])
}

#[track_caller]
fn is_in(xray: &Xray, user: usize, origin: &Origin) -> bool {
    let visited = xray.vless(user, origin).and_then(|stream| exchange(stream, 10, 1000));
    visited.is_ok_and(|back| back == 1000)
}

#[track_caller]
fn says(xray: &Xray, agent: &Agent<'_>, expected: &str) {
    wait_for("the config", SOON, || {
        let text = fs::read_to_string(xray.config()).unwrap();
        if text == expected { Ok(()) } else { Err(format!("{text}\n{}", agent.log())) }
    });
}

fn done(home: &Home, arguments: &[&str]) {
    let ended = home.agent(arguments);
    assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
}

fn knows_bob(agent: &Agent<'_>) {
    wait_for("the users", SOON, || {
        let status = agent.status();
        if status.accounts.iter().any(|row| row.name == "bob") { Ok(()) } else { Err(agent.log()) }
    });
}

fn backups(xray: &Xray) -> Vec<PathBuf> {
    let entries = fs::read_dir(xray.config().parent().unwrap()).unwrap();
    let all = entries.map(|entry| entry.unwrap().path());
    let mut ours: Vec<_> =
        all.filter(|path| path.display().to_string().contains("server.json.vpnmon-")).collect();
    ours.sort();
    ours
}

#[test]
fn xray_config_keeps_out_whoever_restarts_and_gives_back_each_byte() {
    let _machine = Machine::take();
    let (mut xray, original) = panels();
    let (home, origin) =
        (Home::new(&format!("{}persist = true\n", xray.section())), Origin::start());
    let agent = Agent::start(&home);
    knows_bob(&agent);
    done(&home, &["disable", "bob"]);
    let without_bob = without(&original, "bob");
    says(&xray, &agent, &without_bob);
    let [backup] = &backups(&xray)[..] else { panic!("not one backup") };
    assert_eq!(fs::read_to_string(backup).unwrap(), original);
    for (file, mode) in
        [(xray.config(), 0o640), (home.state_dir().join("xray-excerpts.json"), 0o600)]
    {
        let found = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", file.display());
    }
    // Longer than a user may be gone from the config before the account goes.
    thread::sleep(Duration::from_secs(7));
    let status = agent.status();
    let row = status.accounts.iter().find(|row| row.name == "bob");
    assert_eq!(row.map(|row| row.state.as_str()), Some("disabled"), "{}", agent.log());
    agent.kill9();
    xray.restart();
    assert!(!is_in(&xray, 1, &origin), "bob is back without an agent");
    assert!(is_in(&xray, 0, &origin) && is_in(&xray, 2, &origin));

    let agent = Agent::start(&home);
    knows_bob(&agent);
    // Another goes by the limit.
    done(&home, &["limit", "set", "al", "1MB"]);
    let big = xray.vless(2, &origin).unwrap();
    // The cut comes during it or just after it, as the machine is fast or slow.
    drop(exchange(big, 3_000_000, 10));
    says(&xray, &agent, &without(&without_bob, "al"));
    done(&home, &["enable", "bob"]);
    says(&xray, &agent, &without(&original, "al"));
    wait_for("bob to be back", SOON, || {
        if is_in(&xray, 1, &origin) { Ok(()) } else { Err(agent.log()) }
    });
    done(&home, &["reset", "al"]);
    says(&xray, &agent, &original);
    agent.kill9();
    xray.restart();
    assert!((0..3).all(|user| is_in(&xray, user, &origin)), "all are back");
}

#[test]
fn xray_config_that_the_server_refuses_stays_as_it_was() {
    let _machine = Machine::take();
    let (xray, original) = panels();
    let origin = Origin::start();
    let dir = tempfile::TempDir::with_prefix("vpnmon-refuses-").unwrap();
    let path = dir.path().join("xray");
    fs::write(&path, "#!/bin/sh\necho all good so far\necho 'not this one' >&2\nexit 23\n")
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let section = format!("{}persist = true\nbinary = '{}'\n", xray.section(), path.display());
    let home = Home::new(&section);
    let agent = Agent::start(&home);
    knows_bob(&agent);
    done(&home, &["disable", "bob"]);
    let events = home.state_dir().join("events.jsonl");
    wait_for("the refusal", SOON, || {
        let events = fs::read_to_string(&events).unwrap();
        let is_told = events.lines().any(|line| {
            line.contains("delete-step-failed")
                && line.contains("server.json is left as it was")
                && line.contains("it says: not this one")
        });
        if is_told { Ok(()) } else { Err(format!("{events}{}", agent.log())) }
    });
    assert_eq!(fs::read_to_string(xray.config()).unwrap(), original);
    assert!(backups(&xray).is_empty());
    // Over the API all goes on.
    assert!(!is_in(&xray, 1, &origin));
    // Other settings, and it is done.
    agent.kill9();
    home.configure(&format!("{}persist = true\n", xray.section()));
    let agent = Agent::start(&home);
    says(&xray, &agent, &without(&original, "bob"));
    let count = fs::read_to_string(&events).unwrap().matches("is left as it was").count();
    assert_eq!(count, 1, "told once");
    // Without the setting nothing stays cut out.
    agent.kill9();
    home.configure(&xray.section());
    let agent = Agent::start(&home);
    says(&xray, &agent, &original);
}

#[test]
fn xray_hole_is_closed_by_the_line_that_doctor_prints() {
    let _machine = Machine::take();
    let xray = Xray::start(&[("bob", Protocol::Vless)]);
    let (home, netns) = (Home::new(&xray.section()), Namespace::new("hole"));
    let _server = xray.start_in(&netns);
    let look = || Doctor::within(&netns, &home);
    wait_for("the API in the namespace", SOON, || {
        equal(look().check("xray-api").status, &Outcome::Ok)
    });
    let before = look();
    assert_eq!(before.check("xray-hole").status, Outcome::Off, "{before:?}");
    netns.exec(&["nft", before.check("xray-hole").nft()]);
    let after = look();
    assert_eq!(["xray-api", "xray-hole"].map(|id| after.check(id).status), [Outcome::Ok; 2]);
    // And it is that line which closes it.
    netns.exec(&["nft", "delete table inet vpnmon_guard"]);
    assert_eq!(look().check("xray-hole").status, Outcome::Off);
}
