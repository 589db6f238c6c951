//! The accounts of all scenarios.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use vpnmon_tests::{
    agent::Agent,
    order::{Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::SOON,
};

use crate::play::PACE;

/// How long a row may take to get where it must be; the agent reads the kernel 100 times a second.
const ROW_DEADLINE: Duration = Duration::from_secs(2);
/// Several of the agent's readings.
const SETTLED: Duration = Duration::from_millis(50);

/// Their rows are compared with what they were before.
#[derive(Debug)]
pub struct Cast {
    /// Whose traffic it is.
    pub users: [TestUser; 2],
    /// Whoever is at the other end.
    pub peer: TestUser,
}

impl Cast {
    /// On this machine, until dropped.
    pub fn new() -> Self {
        Self { users: ["one", "two"].map(TestUser::new), peer: TestUser::new("peer") }
    }

    /// Of the users.
    pub fn uids(&self) -> [u32; 2] {
        self.users.each_ref().map(|user| user.uid)
    }

    /// Of the users.
    pub fn rows(&self, agent: &Agent<'_>) -> [Bytes; 2] {
        let status = agent.status();
        self.users.each_ref().map(|user| status.bytes("ssh", &user.name))
    }
}

/// What the user's row has moved by, once it stays where it is due or the time is up.
pub fn reached(agent: &Agent<'_>, user: &TestUser, before: Bytes, due: Bytes) -> Bytes {
    let moved = || {
        let now = agent.status().bytes("ssh", &user.name);
        Bytes { up: now.up - before.up, down: now.down - before.down }
    };
    let start = Instant::now();
    while moved() != due && start.elapsed() < ROW_DEADLINE {
        thread::sleep(SETTLED);
    }
    // It may have come by on its way to more.
    thread::sleep(SETTLED);
    moved()
}

/// A user's program in namespaces of its own, which are not connected to anything yet.
pub struct Waiting {
    /// It.
    pub process: Process,
    go: PathBuf,
    _dir: TempDir,
}

impl Waiting {
    /// For `then`, as `user`, who is `inside` there.
    pub fn new(user: &TestUser, inside: u32, then: Role) -> Self {
        let dir = TempDir::with_prefix("vpnmon-container-").unwrap_or_else(|e| panic!("{e}"));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))
            .unwrap_or_else(|e| panic!("{}: {e}", dir.path().display()));
        let go = dir.path().join("go");
        let role = Role::Container { inside, until: go.clone(), then: Box::new(then) };
        let mut process = Order::new(Place::of(user), role).paced(PACE).start();
        assert_eq!(process.line(SOON), "inside");
        Self { process, go, _dir: dir }
    }

    /// Lets it run to its end.
    pub fn go(self, deadline: Duration) {
        fs::write(&self.go, "").unwrap_or_else(|e| panic!("{}: {e}", self.go.display()));
        self.process.success(deadline);
    }
}
