//! nethogs: bytes by process, from a capture and a look at /proc.

use std::{process::Command, time::Duration};

use vpnmon_tests::{machine::find, namespace::Namespace, process::Process};

use super::Seen;

/// It prints once a second, but falls behind after hundreds of connections that it finds no process
/// for: it looks at all of /proc for each.
const DEADLINE: Duration = Duration::from_secs(20);
/// What each of its reports begins with.
const REPORT: &str = "Refreshing:";

/// Watching.
#[derive(Debug)]
pub struct Nethogs(Process);

/// A line of its report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    uid: u32,
    sent: f64,
    received: f64,
}

impl Nethogs {
    /// Totals in bytes, TCP and UDP.
    pub fn start(near: &Namespace, device: &str) -> Option<Self> {
        find("nethogs")?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &near.name, "nethogs", "-t", "-C", "-v", "2"]);
        // It takes loopback only together with all there is.
        command.arg(if device == "lo" { "-a" } else { device });
        let mut nethogs = Self(Process::start("nethogs", &mut command));
        // The first comes a second after the start.
        nethogs.report()?;
        Some(nethogs)
    }

    /// The last report, once it says the same twice; nothing where it never comes.
    pub fn finish(mut self) -> Vec<Line> {
        // This one may be from before the last packet.
        let mut last = self.report();
        for _ in 0..5 {
            let before = last;
            last = self.report();
            if last.is_none() || last == before {
                break;
            }
        }
        last.unwrap_or_default()
    }

    /// What it prints until the next report begins.
    fn report(&mut self) -> Option<Vec<Line>> {
        let mut lines = Vec::new();
        loop {
            let line = self.0.next_line(DEADLINE)?;
            if line.starts_with(REPORT) {
                return Some(lines);
            }
            lines.extend(read(&line));
        }
    }
}

/// `PROGRAM/PID/UID`, then what it sent and received, with six digits.
fn read(line: &str) -> Option<Line> {
    let mut fields = line.split('\t');
    let uid = fields.next()?.rsplit('/').next()?.parse().ok()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Line { uid, sent: number()?, received: number()? })
}

/// All processes of `uid`. What nethogs finds no process for, it puts under `unknown` and uid 0.
pub fn of(lines: &[Line], uid: u32) -> Seen {
    let of_user = || lines.iter().filter(|line| line.uid == uid);
    if lines.is_empty() {
        return Seen::default();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, positive")]
    let whole = |sum: f64| Some(sum as u64);
    let sent = of_user().map(|line| line.sent).sum();
    Seen { up: whole(sent), down: whole(of_user().map(|line| line.received).sum()) }
}
