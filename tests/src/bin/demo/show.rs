//! What is shown of it.

use std::{
    fs, io,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use vpnmon_tests::{home::Home, tmux::Tmux};

use crate::stop::Stop;

/// Columns and lines of the picture.
const PICTURE: (u16, u16) = (100, 16);
const POLL: Duration = Duration::from_millis(50);

/// `top` on the terminal, until it, the time or a signal ends it.
pub fn top(top: Vec<String>, most: Option<Duration>, stop: &Stop) -> Result<(), String> {
    // It gives the terminal back on SIGTERM.
    let command = ["--pdeathsig", "TERM", "--"].map(str::to_owned).into_iter();
    let command = command.chain(top);
    let mut top = Command::new("setpriv").args(command).spawn().map_err(|e| format!("top: {e}"))?;
    let started = Instant::now();
    let mut is_told = false;
    loop {
        if let Some(status) = top.try_wait().map_err(|e| format!("top: {e}"))? {
            return if is_told || status.success() {
                Ok(())
            } else {
                Err(format!("top: {status}"))
            };
        }
        if !is_told && (stop.is_asked() || most.is_some_and(|most| started.elapsed() >= most)) {
            is_told = true;
            let _ended_just_now = kill(Pid::from_raw(top.id().cast_signed()), Signal::SIGTERM);
        }
        thread::sleep(POLL);
    }
}

/// The tables after so long.
pub fn tables(home: &Home, after: Duration, stop: &Stop) -> Result<String, String> {
    wait(after, stop)?;
    let ends = [&["status"][..], &["hosts", "list"]].map(|args| home.agent(args));
    match ends.iter().find(|ended| ended.code != 0) {
        Some(failed) => Err(failed.stderr.clone()),
        None => Ok(ends.map(|ended| ended.stdout).join("\n")),
    }
}

/// `top` as it is on a terminal after so long, colours too, into a file.
pub fn picture(top: &[String], after: Duration, file: &Path, stop: &Stop) -> Result<(), String> {
    let tmux = Tmux::new(PICTURE.0, PICTURE.1);
    tmux.line(&top.join(" "));
    tmux.until("top", |screen| screen.contains("1 Accounts"));
    wait(after, stop)?;
    let written: io::Result<()> = fs::write(file, tmux.colored());
    written.map_err(|e| format!("{}: {e}", file.display()))
}

fn wait(time: Duration, stop: &Stop) -> Result<(), String> {
    let started = Instant::now();
    while started.elapsed() < time {
        if stop.is_asked() {
            return Err("stopped by a signal".to_owned());
        }
        thread::sleep(POLL);
    }
    Ok(())
}
