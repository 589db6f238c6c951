//! In a user namespace of its own a user can be anybody; its bytes stay its own.

use std::{fs, io, os::unix::fs::PermissionsExt as _, time::Duration};

use tempfile::TempDir;
use vpnmon_tests::{
    agent::Agent,
    home::Home,
    machine::Machine,
    namespace::Namespace,
    order::{Order, Place, Role},
    status::Bytes,
    user::TestUser,
    wait::SOON,
};

const MINUTE: Duration = Duration::from_mins(1);
const DATAGRAMS: u32 = 100;
const PAYLOAD: usize = 1000;
/// IPv4 and UDP headers.
const HEADERS: u64 = 28;

/// A user who is `inside` in a user and a network namespace sends itself datagrams there.
fn send_as(user: &TestUser, inside: u32, mark: u32) -> io::Result<()> {
    let dir = TempDir::with_prefix("vpnmon-disguise-")?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    let until = dir.path().join("go");
    // The namespace has no other uid to change to: all sockets are of this one.
    let send = Role::ManyUids { first: inside, count: DATAGRAMS, payload: PAYLOAD, mark };
    let role = Role::Container { inside, until: until.clone(), then: Box::new(send) };
    let mut process = Order::new(Place::of(user), role).start();
    assert_eq!(process.line(SOON), "inside");
    let _loopback_is_up = Namespace::of_process("disguise", process.id());
    fs::write(until, "")?;
    process.success(MINUTE);
    Ok(())
}

#[test]
fn a_user_namespace_hides_nobody() {
    let _machine = Machine::take();
    let [user, other] = ["user", "other"].map(TestUser::new);
    let home = Home::new("");
    let agent = Agent::start(&home);
    let each = u64::from(DATAGRAMS) * (PAYLOAD as u64 + HEADERS);
    for (times, inside) in [(1, 0), (2, other.uid)] {
        send_as(&user, inside, 0).expect("a directory that both can see");
        agent.reaches(&user.name, Bytes { up: times * each, down: times * each });
        assert_eq!(agent.status().bytes("ssh", &other.name), Bytes::default());
    }
    assert_eq!(agent.status().agent.degraded, Vec::<String>::new());
    let _ = agent.terminate();
}
