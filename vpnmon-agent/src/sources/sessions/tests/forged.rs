//! What somebody writes into the log does not make a session.

use super::fake::{Machine, Made, PORT};

const NOTHING: [&str; 0] = [];

/// dropbear 300 with a client; `prepare` changes the machine, then a line says that john is it.
fn refused(why: &str, prepare: impl FnOnce(&mut Machine)) {
    let mut machine = Machine::new();
    machine.dropbear(300, 7, "1.2.3.4:5");
    prepare(&mut machine);
    let mut watch = machine.watch();
    machine.poll(&mut watch, 0.2);
    machine.says(300, "john", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 6.0), NOTHING, "{why}");
    let problems = watch.problems().concat();
    assert!(problems.contains("logins that are none"), "{why}: {problems}");
}

#[test]
fn proc_must_bear_a_line_out() {
    let it = Made { pid: 300, parent: 100, start: 7, ..Made::default() };
    let with_client = |machine: &mut Machine, it: Made<'_>| {
        machine.process(it);
        machine.socket(it.pid, 0, PORT, Some("1.2.3.4:5".parse().unwrap()));
    };
    refused("no such process", |machine| machine.end(300));
    refused("another program", |machine| with_client(machine, Made { program: "bash", ..it }));
    refused("another server", |machine| with_client(machine, Made { program: "sshd", ..it }));
    refused("a program that others can write", |machine| machine.program("dropbear", 0o777));
    refused("another client", |machine| {
        machine.process(it);
        machine.socket(300, 0, PORT, Some("1.2.3.4:6".parse().unwrap()));
    });
    refused("a socket that it connected itself", |machine| {
        machine.process(it);
        machine.socket(300, 0, PORT, Some("8.8.8.8:8".parse().unwrap()));
        machine.socket(300, 1, 40_000, Some("1.2.3.4:5".parse().unwrap()));
    });
    refused("a user's own server", |machine| {
        with_client(machine, Made { parent: 1, uid: 1001, ..it });
    });
    refused("a child of a user's own server", |machine| {
        machine.process(Made { pid: 290, uid: 1001, ..it });
        machine.socket(290, 3, PORT, None);
        with_client(machine, Made { parent: 290, uid: 1001, ..it });
    });
    refused("nobody has logged in", |machine| {
        machine.pipe(100, 9, 55, false);
        machine.pipe(300, 9, 55, true);
    });
}

#[test]
fn a_process_that_became_a_user_is_that_user() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    machine.poll(&mut watch, 0.2);
    machine.process(Made { pid: 300, parent: 100, uid: 1002, ..Made::default() });
    machine.socket(300, 0, PORT, Some("1.2.3.4:5".parse().unwrap()));
    machine.says(300, "john", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 4.0), ["+300 jane 1.2.3.4:5"]);
}

#[test]
fn pipes_that_all_processes_have_mean_nothing() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.pipe(100, 251, 55, true);
    machine.pipe(300, 251, 55, true);
    machine.pipe(100, 8, 56, false);
    machine.pipe(300, 8, 56, false);
    machine.poll(&mut watch, 0.2);
    machine.says(300, "john", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 0.2), ["+300 john 1.2.3.4:5"]);
}

#[test]
fn a_line_that_was_too_early_does_not_wait_for_the_login() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.pipe(100, 9, 55, false);
    machine.pipe(300, 9, 55, true);
    machine.poll(&mut watch, 0.2);
    machine.says(300, "jane", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 4.0), NOTHING);
    std::fs::remove_file(machine.path("proc/300/fd/9")).unwrap();
    machine.says(300, "john", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 0.2), ["+300 john 1.2.3.4:5"]);
    // And later ones change nothing.
    machine.poll(&mut watch, 3.0);
    machine.says(300, "jane", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 3.0), NOTHING);
}

#[test]
fn two_users_at_once_are_none() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.dropbear(301, 8, "1.2.3.4:6");
    machine.poll(&mut watch, 0.2);
    machine.says(300, "jane", "1.2.3.4:5");
    machine.says(300, "john", "1.2.3.4:5");
    machine.says(301, "jane", "1.2.3.4:6");
    assert_eq!(machine.poll(&mut watch, 0.2), ["+301 jane 1.2.3.4:6"]);
    machine.says(301, "john", "1.2.3.4:6");
    assert_eq!(machine.poll(&mut watch, 5.0), ["-301 8"]);
    let problems = watch.problems().concat();
    assert!(problems.contains("several users"), "{problems}");
}

#[test]
fn a_monitor_tells_more_than_a_line() {
    let mut machine = Machine::new();
    let sshd = Made { program: "sshd", ..Made::default() };
    machine.process(Made { pid: 400, parent: 200, title: "sshd: john [priv]", ..sshd });
    machine.process(Made { pid: 401, parent: 400, uid: 1001, title: "sshd: john", ..sshd });
    machine.socket(400, 4, PORT + 1, Some("1.2.3.4:5".parse().unwrap()));
    let mut watch = machine.watch();
    machine
        .log("Nov 24 11:02:03 h sshd[400]: Accepted password for jane from 1.2.3.4 port 5 ssh2\n");
    let both = ["+400 john 1.2.3.4:5", "+401 john 1.2.3.4:5"];
    assert_eq!(machine.poll(&mut watch, 3.0), both);
}

#[test]
fn a_server_in_a_container_has_other_users() {
    let mut machine = Machine::new();
    let sshd = Made { program: "sshd", ..Made::default() };
    machine.process(Made { pid: 400, parent: 200, title: "sshd: john [priv]", ..sshd });
    machine.process(Made { pid: 401, parent: 400, uid: 5000, title: "sshd: john", ..sshd });
    let mut watch = machine.watch();
    assert_eq!(machine.poll(&mut watch, 3.0), NOTHING);
}
