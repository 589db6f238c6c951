//! What cannot work is refused: one line on stderr, the contract's exit code, nothing left behind.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use vpnmon_tests::{
    agent::Agent,
    home::Home,
    machine::{Machine, cgroup2},
    order::{Order, Place, Role},
    process::{Ended, Process, outcome},
    status::Status,
    user::TestUser,
    wait::SOON,
};

/// One line, on stderr, that names what it is about.
fn refused(ended: &Ended, code: i32, names: &[&str]) {
    println!("exit {}: {}", ended.code, ended.stderr.trim_end());
    assert_eq!(ended.code, code, "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    for name in names {
        assert!(ended.stderr.contains(name), "no `{name}` in {ended:?}");
    }
}

/// Runs `program` in front of the agent's command line.
fn through(program: &[&str], home: &Home, args: &[&str]) -> Ended {
    let command = home.command(args);
    let rest: Vec<_> =
        program[1..].iter().copied().chain(command.iter().map(String::as_str)).collect();
    outcome(program[0], &rest)
}

/// `run` in a mount namespace of its own, as an order for the traffic program.
fn isolated(home: &Home, unmount: &[PathBuf], read_only: &[PathBuf]) -> Order {
    let (unmount, read_only) = (unmount.to_vec(), read_only.to_vec());
    let command = home.command(&["run"]);
    Order::new(Place::default(), Role::Isolated { unmount, read_only, command })
}

/// The end of an agent that must not come up.
fn end(mut process: Process) -> Ended {
    let status = process.end(SOON);
    Ended {
        code: status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: process.stderr_to_end(),
    }
}

fn nothing_left(home: &Home) {
    assert_eq!(home.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_second_agent() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    refused(&home.agent(&["run"]), 1, &[]);
    // The first is none the worse for it.
    assert_eq!(agent.status().agent.pid, agent.id());
    let _ = agent.terminate();
}

#[test]
fn without_root() {
    let _machine = Machine::take();
    let home = Home::new("");
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
    refused(&through(&nobody, &home, &["run"]), 1, &["root"]);
    nothing_left(&home);
}

#[test]
fn a_read_only_state_dir() {
    let _machine = Machine::take();
    let home = Home::new("");
    fs::create_dir(home.state_dir()).expect("the state directory");
    let process = isolated(&home, &[], &[home.state_dir()]).start();
    refused(&end(process), 1, &[&home.state_dir().display().to_string()]);
    let left = fs::read_dir(home.state_dir()).expect("the state directory").count();
    assert_eq!(left, 0, "files in the state directory");
    assert_eq!(home.leftovers(), [home.state_dir()]);
}

#[test]
fn without_cgroup2() {
    let _machine = Machine::take();
    let home = Home::new("");
    let process = isolated(&home, &[cgroup2()], &[]).start();
    refused(&end(process), 1, &["cgroup2"]);
    nothing_left(&home);
}

#[test]
fn a_kernel_that_is_too_old() {
    let _machine = Machine::take();
    let home = Home::new("");
    refused(&through(&["setarch", "--uname-2.6"], &home, &["run"]), 1, &["2.6."]);
    nothing_left(&home);
    let doctor = through(&["setarch", "--uname-2.6"], &home, &["doctor", "--json"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    nothing_left(&home);
}

#[test]
fn without_bpffs_the_agent_mounts_it() {
    let _machine = Machine::take();
    let home = Home::new("");
    let bpffs = Path::new("/sys/fs/bpf").to_owned();
    let process = isolated(&home, &[bpffs], &[]).start();
    let agent = Agent::ready(&home, process);
    assert_eq!(agent.status().agent.pid, agent.id());
    // Mounted for itself only, here: the namespace is private.
    assert!(!home.bpffs.exists());
    let _ = agent.terminate();
}

#[test]
fn a_config_that_is_wrong() {
    let _machine = Machine::take();
    let home = Home::new("");
    let file = home.config().display().to_string();
    // Section, the line it comes to stand in, and what the message must name.
    for (section, names) in [
        ("[meter]\nusages = \"both\"", &["6", "usages", "drain_interval"][..]),
        (
            "[meter]\nusage = \"sideways\"",
            &["6", "usage", "sideways", "uplink", "downlink", "both"],
        ),
        ("[meter]\nmax_accounts = -1", &["6", "max_accounts"]),
        ("[meter]\nmax_accounts = 0", &["6", "max_accounts"]),
        ("[meter]\ndrain_interval = \"soon\"", &["6", "drain_interval", "soon"]),
        ("[meter]\ndrain_interval = \"0ms\"", &["6", "drain_interval"]),
        ("[meter]\nloopback = \"yes\"", &["6", "loopback", "true"]),
        ("[metre]\nusage = \"both\"", &["5", "metre", "meter"]),
        ("[ssh]\nmin_uid = 2000\nmax_uid = 1000", &["min_uid", "max_uid"]),
        ("[meter\n", &["5"]),
    ] {
        home.configure(section);
        for args in [&["run"][..], &["doctor"], &["status"]] {
            let ended = home.agent(args);
            refused(&ended, 2, &[&[file.as_str()], names].concat());
        }
    }
    nothing_left(&home);
}

#[test]
fn a_config_that_is_not_there() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = &home.command(&[])[0];
    let missing = home.config().with_extension("missing").display().to_string();
    refused(&outcome(agent, &["--config", &missing, "run"]), 2, &[&missing]);
    nothing_left(&home);
}

#[test]
fn status_of_nobody() {
    let _machine = Machine::take();
    let (home, alice) = (Home::new(""), TestUser::new("alice"));
    refused(&home.agent(&["status"]), 3, &[]);
    refused(&home.agent(&["status", "--json"]), 3, &[]);
    nothing_left(&home);

    let agent = Agent::start(&home);
    refused(&home.agent(&["status", "vt-nobody"]), 4, &["vt-nobody"]);
    refused(&home.agent(&["status", "vt-nobody", "--json"]), 4, &["vt-nobody"]);
    // A user with no traffic yet is an account all the same.
    let ended = home.agent(&["status", &alice.name, "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let rows = Status::read(&ended.stdout).accounts;
    let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, [&alice.name]);

    let command = home.command(&["status", "--watch", "--json"]);
    let mut watch = Process::start("status --watch", Command::new(&command[0]).args(&command[1..]));
    for _ in 0..3 {
        let _ = Status::read(&watch.line(SOON));
    }
    let _ = agent.terminate();
    // A killed agent leaves its socket file; nobody answers there.
    refused(&home.agent(&["status"]), 3, &[]);
}

#[test]
fn a_socket_that_nobody_answers() {
    let _machine = Machine::take();
    let home = Home::new("");
    Agent::start(&home).kill9();
    refused(&home.agent(&["status"]), 3, &[]);
    // The stale socket is in nobody's way.
    let agent = Agent::start(&home);
    assert_eq!(agent.status().agent.pid, agent.id());
    let _ = agent.terminate();
}
