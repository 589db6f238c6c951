//! Kills and failing disks at every write, fsync and rename: nothing is lost, nothing is torn.
//!
//! strace injects the faults into the real agent's real system calls.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    disk::SmallDisk,
    flow::{Flow, Kind},
    home::Home,
    link::Link,
    machine::Machine,
    process::Process,
    status::Bytes,
    usage::UsageFile,
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const PORT: u16 = 4001;
/// An agent under strace takes most of a second until it writes for the first time, on a busy machine
/// some.
const LONGEST_START: Duration = Duration::from_secs(5);
const FAST: &str = "[meter]\npersist_interval = \"100ms\"";

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
            (Cgroup::new("faults"), TestUser::new("john"), TestUser::new("peer"));
        let (link, home) = (Link::new(1500, &[PORT]), Home::new(FAST));
        Self { _machine: machine, cgroup, user, peer, link, home }
    }

    fn traffic(&self) {
        let kind = Kind::Tcp { up: 200_000, down: 100_000, write: 20_000 };
        let flow = Flow { user: &self.user, port: PORT, v6: false, kind };
        flow.start(&self.link, self.cgroup.path(), &self.peer).finish(MINUTE);
    }

    fn truth(&self) -> Bytes {
        let (up, down) = self.link.flow(PORT);
        Bytes { up: up.bytes, down: down.bytes }
    }

    /// `run` with `inject` done to its system calls.
    fn faulty(&self, inject: &str) -> Process {
        let command = self.home.command(&["run"]);
        let mut strace = Command::new("strace");
        let calls = inject.split(':').next().unwrap_or_default();
        // With -D the child is the agent, and strace its grandchild: what kills it kills the agent.
        strace.args(["-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"]);
        strace.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={inject}")]);
        strace.args(&command);
        Process::start(&format!("strace {inject}"), &mut strace)
    }

    /// Waits until the agent answers.
    fn is_ready(&self) {
        wait_for("the agent", SOON, || {
            UnixStream::connect(self.home.socket()).map_err(|error| error.to_string())
        });
    }

    fn file(&self) -> PathBuf {
        self.home.state_dir().join("usage").join(format!("{}.json", self.user.name))
    }
}

/// SIGKILL, unless a call has done it already.
fn kill_agent(agent: &mut Process) {
    if agent.ended().is_none() {
        agent.signal(Signal::SIGKILL);
    }
    let _ = agent.end(SOON);
}

/// Reads the file over and over; each time it must be whole and true.
fn read_on(path: &Path, stop: &AtomicBool, reads: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        if path.exists() {
            let _ = UsageFile::read(path);
            reads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn fifty_kills_at_writes_fsyncs_and_renames() {
    let stage = Stage::new();
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let file = stage.file();
    let mut died_of_it = 0;
    thread::scope(|scope| {
        scope.spawn(|| read_on(&file, &stop, &reads));
        // Every byte from here on is in pinned maps.
        Agent::start(&stage.home).kill9();
        let calls = ["fdatasync", "rename,renameat,renameat2", "fsync", "fchmod"];
        for round in 0..50u32 {
            let call = calls[round as usize % calls.len()];
            // A round writes a few files.
            let when = 1 + round / 4 % 2;
            let mut agent = stage.faulty(&format!("{call}:signal=KILL:when={when}"));
            stage.traffic();
            let start = Instant::now();
            while agent.ended().is_none() && start.elapsed() < LONGEST_START {
                thread::sleep(Duration::from_millis(5));
            }
            died_of_it += u32::from(agent.ended().is_some());
            kill_agent(&mut agent);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let agent = Agent::start(&stage.home);
    let truth = stage.truth();
    println!("{died_of_it} of 50 died at a call, {} reads, {truth:?}", reads.into_inner());
    agent.reaches(&stage.user.name, truth);
    let _ = agent.terminate();
    assert_eq!(stage.home.usage(&stage.user.name).total_usage, truth.up);
    assert!(died_of_it >= 25, "most kills must come from a call: {died_of_it}");
    let bad: Vec<_> = files_like(&stage.home.state_dir(), ".bad-");
    assert_eq!(bad, Vec::<PathBuf>::new());
}

fn files_like(dir: &Path, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let paths = entries.chain(fs::read_dir(dir.join("usage")).into_iter().flatten().flatten());
    paths.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains(part)).collect()
}

#[test]
fn calls_that_fail_now_and_then() {
    let stage = Stage::new();
    Agent::start(&stage.home).kill9();
    for inject in [
        "fdatasync:error=EIO:when=3+2",
        "fsync:error=EIO:when=3+2",
        "rename,renameat,renameat2:error=ENOSPC:when=3+2",
        "openat:error=EMFILE:when=150+3",
        "ftruncate,fchmod:error=EPERM:when=3+2",
    ] {
        let mut agent = stage.faulty(inject);
        stage.is_ready();
        for _ in 0..4 {
            stage.traffic();
            thread::sleep(Duration::from_millis(60));
        }
        assert!(agent.ended().is_none(), "{inject}: the agent ended:\n{}", agent.stderr());
        kill_agent(&mut agent);
        println!("{inject}: {}", agent.stderr().lines().last().unwrap_or_default());
        let agent = Agent::start(&stage.home);
        agent.reaches(&stage.user.name, stage.truth());
        let _ = agent.terminate();
        assert_eq!(stage.home.usage(&stage.user.name).total_usage, stage.truth().up);
    }
}

fn check_disk(stage: &Stage, agent: &Agent<'_>, breaks: impl FnOnce(), mends: impl FnOnce()) {
    stage.traffic();
    agent.reaches(&stage.user.name, stage.truth());
    wait_for("a file", SOON, || {
        stage.file().exists().then_some(()).ok_or_else(|| "none".to_owned())
    });
    breaks();
    stage.traffic();
    agent.reaches(&stage.user.name, stage.truth());
    let degraded = wait_for("a degraded agent", SOON, || {
        let degraded = agent.status().agent.degraded;
        if degraded.is_empty() { Err("fine".to_owned()) } else { Ok(degraded) }
    });
    println!("{degraded:?}");
    let _ = UsageFile::read(&stage.file());
    mends();
    wait_for("an agent that is fine again", SOON, || {
        equal(agent.status().agent.degraded, &Vec::new())
    });
    wait_for("the file", SOON, || {
        equal(UsageFile::read(&stage.file()).total_usage, &stage.truth().up)
    });
    wait_for("both events", SOON, || {
        let events = fs::read_to_string(stage.home.state_dir().join("events.jsonl"));
        let events = events.map_err(|e| e.to_string())?;
        let both = events.contains("\"degraded\"") && events.contains("\"recovered\"");
        if both { Ok(()) } else { Err(events) }
    });
}

#[test]
fn a_full_disk_and_one_that_turns_read_only() {
    let stage = Stage::new();
    let disk = SmallDisk::mount(&stage.home.state_dir(), 256);
    let agent = Agent::start(&stage.home);
    check_disk(&stage, &agent, || disk.fill(), || disk.clear());
    let _ = agent.terminate();
    // A disk that fails turns read-only whatever is open; who asks for it is refused while the
    // history is.
    stage.home.configure(&format!("{FAST}\n[history]\nenabled = false"));
    let agent = Agent::start(&stage.home);
    check_disk(&stage, &agent, || disk.read_only(true), || disk.read_only(false));
    let _ = agent.terminate();
    assert_eq!(stage.home.usage(&stage.user.name).total_usage, stage.truth().up);
}

#[test]
fn a_power_loss_costs_one_interval_at_most() {
    let stage = Stage::new();
    let name = stage.user.name.as_str();
    let mut lost_before = Bytes::default();
    for _ in 0..5 {
        let agent = Agent::start(&stage.home);
        stage.traffic();
        let then = stage.truth();
        // The file system as it is one interval later is what is left after the loss.
        thread::sleep(Duration::from_millis(300));
        let disk = tempfile::tempdir().expect("a directory");
        copy(&stage.home.state_dir(), disk.path());
        stage.traffic();
        agent.kill9();
        // No pins survive a power loss.
        fs::remove_dir_all(&stage.home.bpffs).expect("the pins");
        fs::remove_dir_all(stage.home.state_dir()).expect("the state");
        copy(disk.path(), &stage.home.state_dir());
        let lost_now = stage.truth();
        let agent = Agent::start(&stage.home);
        let expected = Bytes { up: then.up - lost_before.up, down: then.down - lost_before.down };
        agent.reaches(name, expected);
        let _ = agent.terminate();
        lost_before.up += lost_now.up - then.up;
        lost_before.down += lost_now.down - then.down;
    }
}

fn copy(from: &Path, to: &Path) {
    vpnmon_tests::process::run("cp", &["-a", "-T", &from.to_string_lossy(), &to.to_string_lossy()]);
}
