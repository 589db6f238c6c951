//! One step of work: say what it is, run it, say how long it took.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, IsTerminal},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    failure::{Failure, OrFail, Result},
    interrupt,
};

const POLL: Duration = Duration::from_millis(20);
const SHOWN_LINES: usize = 30;

/// Runs a command whose output the user wants to see as it comes.
pub fn shown(what: &str, about: &str, command: &mut Command) -> Result<()> {
    announce(what, about);
    let started = Instant::now();
    let status = run(what, command)?;
    finish(what, started, status, &program(command), "its output is above")
}

/// Runs a command whose output is of interest only when it fails; `log` takes it.
pub fn logged(what: &str, about: &str, log: &Path, command: &mut Command) -> Result<()> {
    announce(what, about);
    let started = Instant::now();
    let (stdout, stderr) = open_log(log)?;
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let spinner = io::stderr().is_terminal().then(|| spinner(what));
    let status = run(what, command);
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    let status = status?;
    if !status.success() {
        show_tail(log);
    }
    let next = format!("all of its output is in {}", log.display());
    finish(what, started, status, &program(command), &next)
}

/// Waits for a child; a signal to xtask is passed on as SIGTERM, once.
pub fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::requested() && !told {
            told = true;
            terminate(child);
        }
        thread::sleep(POLL);
    }
}

/// Sends SIGTERM to a child; one that has ended by itself is no error.
pub fn terminate(child: &Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _gone_already = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// Prints the last lines of a log file to stderr.
pub fn show_tail(log: &Path) {
    let bytes = fs::read(log).unwrap_or_default();
    for line in tail(&String::from_utf8_lossy(&bytes), SHOWN_LINES) {
        eprintln!("  | {line}");
    }
}

fn tail(text: &str, lines: usize) -> VecDeque<&str> {
    let mut last = VecDeque::with_capacity(lines + 1);
    for line in text.lines() {
        last.push_back(line);
        if last.len() > lines {
            last.pop_front();
        }
    }
    last
}

fn announce(what: &str, about: &str) {
    eprintln!("{what} ({about}) ...");
}

fn run(what: &str, command: &mut Command) -> Result<ExitStatus> {
    let mut child =
        command.spawn().or_fail(what, format!("check that {} is there", program(command)))?;
    let status = wait(&mut child).or_fail(what, "run the command again")?;
    interrupt::check(what)?;
    Ok(status)
}

fn finish(what: &str, from: Instant, status: ExitStatus, by: &str, next: &str) -> Result<()> {
    if !status.success() {
        return Err(Failure::new(what, format!("{by} ended with {status}"), next));
    }
    eprintln!("{what}: done in {:.1} s", from.elapsed().as_secs_f64());
    Ok(())
}

fn open_log(path: &Path) -> Result<(File, File)> {
    let what = format!("writing {}", path.display());
    let next = "check its permissions and free space";
    let file = File::create(path).or_fail(&what, next)?;
    let twin = file.try_clone().or_fail(&what, next)?;
    Ok((file, twin))
}

fn spinner(what: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed} {msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn program(command: &Command) -> String {
    command.get_program().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_keeps_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), ["b", "c"]);
        assert_eq!(tail("a", 2), ["a"]);
        assert!(tail("", 2).is_empty());
    }

    #[test]
    fn a_failing_command_names_program_and_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("false.log");
        let failure = logged("trying", "at once", &log, &mut Command::new("false")).unwrap_err();
        let text = failure.to_string();
        assert!(text.starts_with("trying: false ended with exit status: 1; "), "{text}");
        assert!(text.contains("false.log"), "{text}");
    }
}
