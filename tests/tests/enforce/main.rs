//! What becomes of SSH users who are over their limit or disabled: real users, real servers.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]
#![expect(clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod ground;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use nix::{
    mount::{MsFlags, mount, umount},
    sys::signal::Signal,
};
use serde_json::Value;
use vpnmon_tests::{
    agent::Agent,
    belongings::Belongings,
    process::{Process, outcome, run},
    ssh::Proof,
    user::{TestUser, processes_of},
    wait::{SOON, equal, wait_for},
};

use crate::ground::*;

#[test]
fn a_user_over_the_limit_leaves_nothing_behind() {
    let ground = Ground::new("");
    let (bob, other, peer) = (ground.user("bob"), ground.user("other"), TestUser::new("peer"));
    let belongings = Belongings::of(&bob.user);
    let (servers, _target) = (ground.servers(), target(&ground));
    let agent = Agent::start(&ground.home);
    let [sshd, dropbear] = &servers;
    let name = bob.user.name.as_str();
    let mut clients = [(sshd, Proof::Key, 22101), (dropbear, Proof::Password, 22102)]
        .map(|(server, proof, port)| server.client(name, proof, port, TARGET_PORT));
    let others = dropbear.client(&other.user.name, Proof::Key, 22103, TARGET_PORT);
    has_sessions(&agent, &bob.user, 2);
    has_sessions(&agent, &other.user, 1);
    for port in [22101, 22102, 22103] {
        passes_through(&ground, port);
    }
    let _sleeps = runs(&bob.user, "sleep", &["1000"]);
    // One that does not hear SIGTERM, in a session of its own.
    let _stays = runs(&bob.user, "setsid", &["sh", "-c", "trap '' TERM HUP; sleep 1000"]);

    // Its last bytes nobody takes: when the sender is killed, the kernel would go on with them.
    let deaf = listener(&ground, DEAF_PORT);
    deaf.signal(Signal::SIGSTOP);
    let _sends = ground.sends(&bob.user);
    wait_for("a full socket", SOON, || {
        let full = ground.sockets(bob.user.uid).iter().any(|line| {
            line.contains("ESTAB")
                && line.contains(&format!(":{DEAF_PORT}"))
                && !line.contains(" 0 0 ")
        });
        if full { Ok(()) } else { Err("none".to_owned()) }
    });

    ground.exceed(&agent, &bob.user, &peer);
    let start = Instant::now();
    wait_for("the end of the user", SOON, || ground.is_gone(&bob, &belongings));
    let took = start.elapsed();
    let left = ground.netns.exec(&["ss", "-Htnao", "dport", "=", &format!(":{DEAF_PORT}")]);
    assert_eq!(left, "", "an orphan goes on sending");
    for client in &mut clients {
        let _ = client.end(SOON);
    }
    println!("gone {took:?} after the order, its clients {:?} after it", start.elapsed());
    assert!(took < Duration::from_secs(3), "{took:?}");
    let deleted = ground.event("deleted", &bob.user);
    assert!(deleted["total_usage"].as_u64() > Some(MOVED as u64), "{deleted}");
    belongings.others_stay();
    cannot_log_in(&servers, &bob.user);
    passes_through(&ground, 22103);
    drop(others);
    let journal = ground.home.state_dir().join("enforce.json");
    wait_for("an empty journal", SOON, || {
        let text = fs::read_to_string(&journal).unwrap_or_default();
        if text.contains(name) { Err(text) } else { Ok(()) }
    });
    assert_eq!(ground.events("delete-step-failed", &bob.user), Vec::<Value>::new());
    assert!(passwd(&other.user.name).is_some());
}

#[test]
fn disabled_is_out_and_enabled_is_as_before() {
    let ground = Ground::new("");
    let bob = ground.user("bob");
    let (servers, _target) = (ground.servers(), target(&ground));
    let agent = Agent::start(&ground.home);
    let name = bob.user.name.as_str();
    run("usermod", &["-e", "2030-01-01", name]);
    let before = (passwd(name), shadow(name));
    let mut clients = [(0, 22101), (1, 22102)]
        .map(|(server, port)| servers[server].client(name, Proof::Key, port, TARGET_PORT));
    has_sessions(&agent, &bob.user, 2);
    let start = Instant::now();
    ground.done(&["disable", name]);
    for client in &mut clients {
        let _ = client.end(SOON);
    }
    println!("sessions ended {:?} after the command", start.elapsed());
    has_sessions(&agent, &bob.user, 0);
    cannot_log_in(&servers, &bob.user);
    assert!(bob.home().join(".ssh/authorized_keys").exists());
    // A restart changes nothing of it.
    agent.kill9();
    let agent = Agent::start(&ground.home);
    cannot_log_in(&servers, &bob.user);
    ground.done(&["enable", name]);
    wait_for("the user as before", SOON, || equal((passwd(name), shadow(name)), &before));
    let _clients = [(0, 22101), (1, 22102)]
        .map(|(server, port)| servers[server].client(name, Proof::Password, port, TARGET_PORT));
    has_sessions(&agent, &bob.user, 2);
    assert_eq!(ground.events("disabled", &bob.user).len(), 1);
    assert_eq!(ground.events("enabled", &bob.user).len(), 1);
}

#[test]
fn locked_out_by_a_limit_until_a_reset() {
    let ground = Ground::new("[enforce]\nssh = \"disable\"");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let agent = Agent::start(&ground.home);
    let name = bob.user.name.as_str();
    let before = (passwd(name), shadow(name));
    ground.exceed(&agent, &bob.user, &peer);
    ground.event("disabled", &bob.user);
    assert_ne!((passwd(name), shadow(name)), before);
    ground.done(&["reset", name]);
    ground.event("enabled", &bob.user);
    assert_eq!((passwd(name), shadow(name)), before);
    assert!(bob.home().exists());
}

/// A file that not even root can remove; until it is dropped.
struct Immutable(PathBuf);

impl Immutable {
    fn new(path: &Path) -> Self {
        fs::write(path, "x").unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        run("chattr", &["+i", &path.display().to_string()]);
        Self(path.to_owned())
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let _ = outcome("chattr", &["-i", &self.0.display().to_string()]);
    }
}

#[test]
fn a_home_that_cannot_be_removed_is_tried_again() {
    let ground = Ground::new("");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let servers = ground.servers();
    let belongings = Belongings::of(&bob.user);
    let stuck = Immutable::new(&bob.home().join("stuck"));
    let agent = Agent::start(&ground.home);
    ground.exceed(&agent, &bob.user, &peer);
    let failed = ground.event("delete-step-failed", &bob.user);
    println!("{}", failed["reason"]);
    assert!(failed["reason"].as_str().is_some_and(|it| it.contains("remove the home directory")));
    cannot_log_in(&servers, &bob.user);
    agent.kill9();
    let _agent = Agent::start(&ground.home);
    cannot_log_in(&servers, &bob.user);
    assert!(passwd(&bob.user.name).is_some());
    drop(stuck);
    wait_for("the end of the user", MINUTE, || ground.is_gone(&bob, &belongings));
    ground.event("deleted", &bob.user);
}

/// A small file system; gone on drop.
struct Disk(PathBuf);

impl Disk {
    fn at(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some("size=1M"))
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self(path.to_owned())
    }

    fn fill(&self) -> PathBuf {
        let file = self.0.join("filler");
        let _full = outcome("dd", &["if=/dev/zero", &format!("of={}", file.display()), "bs=4k"]);
        file
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}

#[test]
fn nothing_is_begun_that_could_not_be_written_down() {
    let ground = Ground::new("");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let belongings = Belongings::of(&bob.user);
    let disk = Disk::at(&ground.home.state_dir());
    let agent = Agent::start(&ground.home);
    ground.done(&["limit", "set", &bob.user.name, "1"]);
    let (before, filler) = (shadow(&bob.user.name), disk.fill());
    // Cut off in the middle, and ended with all that is the user's.
    let _moves = ground.moving(&bob.user, &peer);
    wait_for("the warning", SOON, || {
        let log = agent.log();
        let told = log.lines().find(|line| line.contains("cannot write the journal"));
        told.map(|line| println!("{line}")).ok_or(log)
    });
    assert_eq!(shadow(&bob.user.name), before);
    fs::remove_file(&filler).unwrap_or_else(|e| panic!("{}: {e}", filler.display()));
    wait_for("the end of the user", MINUTE, || ground.is_gone(&bob, &belongings));
    ground.event("deleted", &bob.user);
    drop(agent);
}

#[test]
fn a_deletion_can_be_called_off() {
    let ground = Ground::new("");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let _stuck = Immutable::new(&bob.home().join("stuck"));
    let agent = Agent::start(&ground.home);
    let name = bob.user.name.as_str();
    let before = (passwd(name), shadow(name));
    ground.exceed(&agent, &bob.user, &peer);
    ground.event("delete-step-failed", &bob.user);
    ground.done(&["limit", "set", name, "1GB"]);
    ground.event("enabled", &bob.user);
    assert_eq!((passwd(name), shadow(name)), before);
}

#[test]
fn a_userdel_that_fails_is_tried_again() {
    let ground = Ground::new("");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let belongings = Belongings::of(&bob.user);
    let dir = ground.keys.path("bin");
    fs::create_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let (program, fails) = (dir.join("userdel"), ground.keys.path("fails"));
    fs::write(&fails, "").unwrap_or_else(|e| panic!("{}: {e}", fails.display()));
    let text = format!(
        "#!/bin/sh\n[ -e {} ] && {{ echo 'cannot lock /etc/passwd' >&2; exit 1; }}\n\
         exec /usr/sbin/userdel \"$@\"\n",
        fails.display()
    );
    fs::write(&program, text).unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    run("chmod", &["755", &program.display().to_string()]);
    let command = ground.home.command(&["run"]);
    let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap_or_default());
    let process = Process::start(
        "vpnmon-agent",
        Command::new(&command[0]).args(&command[1..]).env("PATH", path),
    );
    let agent = Agent::ready(&ground.home, process);
    ground.exceed(&agent, &bob.user, &peer);
    let failed = ground.event("delete-step-failed", &bob.user);
    assert!(failed["reason"].as_str().is_some_and(|it| it.contains("cannot lock")), "{failed}");
    assert!(shadow(&bob.user.name).is_some_and(|line| line.contains(":!")));
    fs::remove_file(&fails).unwrap_or_else(|e| panic!("{}: {e}", fails.display()));
    wait_for("the end of the user", MINUTE, || ground.is_gone(&bob, &belongings));
}

#[test]
fn killed_at_any_moment_it_is_finished_after_a_restart() {
    let ground = Ground::new("");
    let peer = TestUser::new("peer");
    let mut finished_before = 0;
    for round in 0..12u64 {
        let bob = ground.user("bob");
        let belongings = Belongings::of(&bob.user);
        let _stays = runs(&bob.user, "sh", &["-c", "trap '' TERM; sleep 1000"]);
        let agent = Agent::start(&ground.home);
        ground.exceed(&agent, &bob.user, &peer);
        // Where in the deletion this is depends on the machine: that is the point.
        std::thread::sleep(Duration::from_millis(round * 50));
        agent.kill9();
        finished_before += u32::from(passwd(&bob.user.name).is_none());
        let _agent = Agent::start(&ground.home);
        wait_for("the end of the user", SOON, || ground.is_gone(&bob, &belongings));
        let deleted = ground.event("deleted", &bob.user);
        assert!(deleted["total_usage"].as_u64() > Some(MOVED as u64), "{deleted}");
        belongings.others_stay();
    }
    println!("{finished_before} of 12 were finished before the kill");
    assert!(finished_before < 12, "no kill came in between");
}

#[test]
fn admins_are_left_alone() {
    let ground = Ground::new("");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let (name, before) = (bob.user.name.as_str(), passwd(&bob.user.name));
    let agent = Agent::start(&ground.home);
    run("usermod", &["-aG", "adm", name]);
    wait_for("the refusal", SOON, || {
        let code = ground.home.agent(&["limit", "set", name, "1GB"]).code;
        equal(code, &1)
    });
    ground.refused(&["limit", "set", name, "1"], "it is in group adm");
    ground.refused(&["disable", name], "it is in group adm");
    ground.refused(&["disable", "root"], "root");
    run("gpasswd", &["-d", name, "adm"]);
    // Whoever is at the keyboard does not lock themselves out.
    let me = format!("SUDO_UID={}", bob.user.uid);
    let command = ground.home.command(&["disable", name]);
    wait_for("the other refusal", SOON, || {
        let words: Vec<_> =
            [me.as_str()].into_iter().chain(command.iter().map(String::as_str)).collect();
        let ended = outcome("env", &words);
        let refused = ended.code == 1 && ended.stderr.contains("you are logged in as it");
        if refused { Ok(()) } else { Err(ended.stderr) }
    });
    // Protected after the limit was set: spared, and told of once.
    ground.done(&["limit", "set", name, "1"]);
    let told = ground.events("refused", &bob.user).len();
    run("usermod", &["-aG", "adm", name]);
    wait_for("the refusal", SOON, || equal(ground.events("refused", &bob.user).len(), &(told + 1)));
    ground.moves(&bob.user, &peer);
    ground.event("exceeded", &bob.user);
    // Long enough for a deletion, had one begun.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(passwd(name), before);
    assert_eq!(ground.events("refused", &bob.user).len(), told + 1);
    drop(agent);
}

#[test]
fn a_dry_run_only_tells() {
    let ground = Ground::new("[enforce]\ndry_run = true");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let name = bob.user.name.as_str();
    let before = (passwd(name), shadow(name));
    let agent = Agent::start(&ground.home);
    let runs = runs(&bob.user, "sleep", &["1000"]);
    ground.refused(&["disable", name], "enforce.dry_run");
    ground.exceed(&agent, &bob.user, &peer);
    let told = wait_for("what it would do", SOON, || {
        let told = ground.events("refused", &bob.user);
        let words =
            |it: &Value| it["reason"].as_str().is_some_and(|it| it.contains("delete the user"));
        told.into_iter().find(words).ok_or_else(|| "nothing is told".to_owned())
    });
    println!("{}", told["reason"]);
    assert_eq!((passwd(name), shadow(name), living(bob.user.uid).len()), (before.0, before.1, 1));
    drop(runs);
}

#[test]
fn processes_that_fork_do_not_outrun_it() {
    let ground = Ground::new("");
    let (bob, peer) = (ground.user("bob"), TestUser::new("peer"));
    let belongings = Belongings::of(&bob.user);
    let agent = Agent::start(&ground.home);
    // Each one makes another and ends, so that no list of processes is ever true.
    let forks = "b() { b & }; b; trap '' TERM; while :; do b; done";
    let _bomb = runs(&bob.user, "prlimit", &["--nproc=64", "bash", "-c", forks]);
    wait_for("many processes", SOON, || {
        let count = processes_of(bob.user.uid).len();
        if count > 10 { Ok(()) } else { Err(format!("{count}")) }
    });
    ground.exceed(&agent, &bob.user, &peer);
    let start = Instant::now();
    wait_for("the end of the user", SOON, || ground.is_gone(&bob, &belongings));
    println!("gone after {:?}", start.elapsed());
}
