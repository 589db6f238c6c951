//! Sessions come and go.

use super::fake::{Machine, Made, PORT, START, UPTIME};
use crate::{
    config::AuthLog,
    sources::sessions::{Server, SessionEvent},
};

const NOTHING: [&str; 0] = [];

#[test]
fn a_line_begins_a_session_and_its_process_ends_it() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    assert_eq!(machine.poll(&mut watch, 1.0), NOTHING);
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.dropbear(301, 8, "1.2.3.4:6");
    machine.says(300, "john", "1.2.3.4:5");
    machine.says(301, "jane", "1.2.3.4:6");
    let mut began = machine.poll(&mut watch, 0.2);
    began.sort();
    assert_eq!(began, ["+300 john 1.2.3.4:5", "+301 jane 1.2.3.4:6"]);
    assert_eq!(machine.poll(&mut watch, 5.0), NOTHING);
    machine.end(300);
    assert_eq!(machine.poll(&mut watch, 2.5), ["-300 7"]);
    assert_eq!(watch.problems(), NOTHING);
}

#[test]
fn a_process_id_is_used_again() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    machine.poll(&mut watch, 0.2);
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.says(300, "john", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 0.2), ["+300 john 1.2.3.4:5"]);
    machine.end(300);
    machine.dropbear(300, 9, "1.2.3.4:6");
    machine.says(300, "jane", "1.2.3.4:6");
    assert_eq!(machine.poll(&mut watch, 0.3), ["-300 7", "+300 jane 1.2.3.4:6"]);
    machine.end(300);
    // Another program has the id now, and none of ours.
    machine.process(Made { pid: 300, start: 10, program: "bash", ..Made::default() });
    assert_eq!(machine.poll(&mut watch, 20.0), ["-300 9"]);
}

#[test]
fn openssh_sessions_are_found_without_a_line() {
    for (program, monitor, child, before) in [
        ("sshd", "sshd: john [priv]", "sshd: john@notty", "sshd: john [net]"),
        ("sshd", "sshd: john [priv]", "sshd: john@pts/0,pts/1", "sshd: [net]"),
        (
            "sshd-session",
            "sshd-session: john [postauth]",
            "sshd-session: john",
            "sshd-auth: [session-auth]",
        ),
    ] {
        let mut machine = Machine::new();
        machine.process(Made { pid: 400, parent: 200, program, title: monitor, ..Made::default() });
        machine.socket(400, 4, PORT + 1, Some("1.2.3.4:5".parse().unwrap()));
        let uid = 74;
        machine.process(Made {
            pid: 401,
            parent: 400,
            program,
            uid,
            title: before,
            ..Made::default()
        });
        let mut watch = machine.watch();
        assert_eq!(machine.poll(&mut watch, 1.5), NOTHING, "not logged in yet");
        machine.end(401);
        let uid = 1001;
        machine.process(Made {
            pid: 402,
            parent: 400,
            program,
            uid,
            title: child,
            ..Made::default()
        });
        let both = ["+400 john 1.2.3.4:5", "+402 john 1.2.3.4:5"];
        assert_eq!(machine.poll(&mut watch, 1.5), both, "{child}");
        let mut later = machine.watch();
        assert_eq!(machine.poll(&mut later, 0.1).len(), 2, "a later tracker");
        assert_eq!(watch.problems(), NOTHING);
    }
}

#[test]
fn root_has_one_process() {
    let mut machine = Machine::new();
    let sshd = Made { pid: 400, parent: 200, program: "sshd", ..Made::default() };
    machine.process(Made { title: "sshd: root [priv]", ..sshd });
    machine.socket(400, 4, PORT + 1, Some("1.2.3.4:5".parse().unwrap()));
    let mut watch = machine.watch();
    assert_eq!(machine.poll(&mut watch, 1.5), NOTHING);
    machine.process(Made { title: "sshd: root@pts/0", ..sshd });
    machine.socket(400, 4, PORT + 1, Some("1.2.3.4:5".parse().unwrap()));
    assert_eq!(machine.poll(&mut watch, 1.5), ["+400 root 1.2.3.4:5"]);
}

#[test]
fn a_dropbear_that_becomes_the_user_needs_no_line() {
    let mut machine = Machine::new();
    let uid = 1002;
    machine.process(Made { pid: 300, parent: 100, uid, ..Made::default() });
    machine.socket(300, 0, PORT, Some("1.2.3.4:5".parse().unwrap()));
    let mut watch = machine.watch();
    assert_eq!(machine.poll(&mut watch, 3.5), ["+300 jane 1.2.3.4:5"]);
}

#[test]
fn sessions_from_before_are_found_by_older_lines() {
    let mut machine = Machine::new();
    // The processes began ten seconds after boot; ten hours before that, others had their ids.
    let boot = START - UPTIME;
    let at = |seconds: u64| jiff::Timestamp::from_second(seconds.cast_signed()).unwrap();
    let line = |seconds, pid, user: &str, port| {
        let at = at(seconds);
        format!(
            "{at} h dropbear[{pid}]: Password auth succeeded for '{user}' from 1.2.3.4:{port}\n"
        )
    };
    let rotated = machine.path("auth.log.1");
    super::fake::append(&rotated, &line(boot - 36_000, 300, "judy", 5));
    super::fake::append(&rotated, &line(boot + 11, 300, "john", 5));
    for _ in 0..20_000 {
        machine.log(&format!("{} h cron[77]: something else\n", at(boot + 500)));
    }
    machine.log(&line(boot + 12, 301, "jane", 6));
    machine.log(&line(boot + 600, 301, "judy", 6));
    machine.dropbear(300, 1000, "1.2.3.4:5");
    machine.dropbear(301, 1000, "1.2.3.4:6");
    let mut watch = machine.watch();
    let mut began = machine.poll(&mut watch, 3.0);
    began.sort();
    assert_eq!(began, ["+300 john 1.2.3.4:5", "+301 jane 1.2.3.4:6"]);
    assert_eq!(machine.poll(&mut watch, 5.0), NOTHING);
}

#[test]
fn nobodys_session_is_told_of() {
    let mut machine = Machine::new();
    machine.dropbear(300, 7, "1.2.3.4:5");
    let mut watch = machine.watch();
    assert_eq!(machine.poll(&mut watch, 10.0), NOTHING);
    let problems = watch.problems();
    assert!(problems.len() == 1 && problems[0].contains("process 300"), "{problems:?}");
    machine.end(300);
    machine.poll(&mut watch, 12.0);
    assert_eq!(watch.problems(), NOTHING);
}

#[test]
fn a_machine_without_a_log_says_so() {
    let mut machine = Machine::new();
    std::fs::remove_file(machine.path("auth.log")).unwrap();
    let mut watch = machine.watch_with(&AuthLog::Auto, vec!["false".into()]);
    assert_eq!(machine.poll(&mut watch, 0.2), NOTHING);
    assert!(watch.problems()[0].contains("no journal and no "), "{:?}", watch.problems());
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.says(300, "john", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 0.3), ["+300 john 1.2.3.4:5"]);
    assert_eq!(watch.problems(), NOTHING);
}

#[test]
fn listeners_are_told_of_when_they_begin_and_end() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    let mut changed = |machine: &mut Machine, seconds| {
        let listens = |event| match event {
            SessionEvent::Listens(it) => Some((it.pid, Some(it.server))),
            SessionEvent::ListenerEnded { pid } => Some((pid, None)),
            SessionEvent::Began(_) | SessionEvent::Ended { .. } => None,
        };
        let events = machine.events(&mut watch, seconds);
        let mut changed: Vec<_> = events.into_iter().filter_map(listens).collect();
        changed.sort_unstable_by_key(|(pid, _)| *pid);
        changed
    };
    let both = [(100, Some(Server::Dropbear)), (200, Some(Server::OpenSsh))];
    assert_eq!(changed(&mut machine, 0.1), both);
    // A session that listens for its user is no server.
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.socket(300, 8, 8080, None);
    assert_eq!(changed(&mut machine, 3.0), []);
    // One that starts later is known within two seconds.
    machine.process(Made { pid: 210, ..Made::default() });
    machine.socket(210, 3, PORT + 2, None);
    assert_eq!(changed(&mut machine, 2.0), [(210, Some(Server::Dropbear))]);
    machine.end(210);
    assert_eq!(changed(&mut machine, 2.0), [(210, None)]);
}
