//! A running agent.

use std::{os::unix::net::UnixStream, process::Command};

use nix::sys::signal::Signal;

use crate::{
    home::Home,
    namespace::Namespace,
    process::Process,
    status::{Bytes, Status},
    wait::{SOON, equal, wait_for},
};

/// Running and ready; killed on drop. Its pins stay until the home drops.
#[derive(Debug)]
pub struct Agent<'a> {
    home: &'a Home,
    process: Process,
}

/// The agent's last line about its work.
#[derive(Clone, Copy, Debug)]
pub struct Drains {
    /// How often it read the kernel's counters.
    pub count: u64,
    /// Mean time of one reading.
    pub mean_us: f64,
    /// Longest of all.
    pub longest_us: f64,
}

impl<'a> Agent<'a> {
    /// Starts `run` and waits until it answers.
    #[must_use]
    pub fn start(home: &'a Home) -> Self {
        let command = home.command(&["run", "-v"]);
        let process = Process::start("vpnmon-agent", Command::new(&command[0]).args(&command[1..]));
        Self::ready(home, process)
    }

    /// The same in a network namespace, with the machine's file systems.
    #[must_use]
    pub fn within(netns: &Namespace, home: &'a Home) -> Self {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", netns.name)).args(home.command(&["run", "-v"]));
        Self::ready(home, Process::start("vpnmon-agent", &mut command))
    }

    /// Takes over an agent that something else has started in `home`.
    #[must_use]
    pub fn ready(home: &'a Home, mut process: Process) -> Self {
        wait_for("the agent's socket", SOON, || {
            if let Some(status) = process.ended() {
                panic!("the agent ended: {status}; stderr:\n{}", process.stderr());
            }
            UnixStream::connect(home.socket()).map_err(|e| e.to_string())
        });
        Self { home, process }
    }

    /// `status --json`.
    #[must_use]
    pub fn status(&self) -> Status {
        self.home.status()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its log up to now.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// Waits until the ssh row of `name` is at `expected`, and looks again whether it stays there.
    pub fn reaches(&self, name: &str, expected: Bytes) {
        self.reaches_in("ssh", name, expected);
    }

    /// The same for a row of any service.
    pub fn reaches_in(&self, service: &str, name: &str, expected: Bytes) {
        for _ in 0..2 {
            wait_for(&format!("the row of {name}"), SOON, || {
                equal(self.status().bytes(service, name), &expected)
            });
        }
    }

    /// SIGTERM; the agent must end with 0 and say how its drains went.
    #[must_use]
    pub fn terminate(mut self) -> Drains {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.end(SOON);
        let log = self.process.stderr_to_end();
        assert!(status.success(), "the agent ended with {status} after SIGTERM; stderr:\n{log}");
        drains(&log).unwrap_or_else(|| panic!("no `drains: N, mean M us, longest L us` in:\n{log}"))
    }

    /// SIGSTOP: it stands still; the kernel goes on counting.
    pub fn pause(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// SIGKILL.
    pub fn kill9(self) {
        self.process.kill();
    }
}

fn drains(log: &str) -> Option<Drains> {
    let (_, rest) = log.rsplit_once("drains: ")?;
    let mut numbers = rest.lines().next()?.split(',').map(|part| {
        let mut words = part.split_whitespace();
        words.find_map(|word| word.parse::<f64>().ok())
    });
    let count = rest.split(',').next()?.trim().parse().ok()?;
    let _ = numbers.next()?;
    Some(Drains { count, mean_us: numbers.next()??, longest_us: numbers.next()?? })
}
