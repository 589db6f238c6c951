//! Programs of the machine, which never get longer than they may take.

use std::{
    io::Read as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// passwd may be locked by somebody for some seconds; then a program waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(2);
/// Of what it says, so much is of interest.
const MAX_WORDS: u64 = 400;

/// Runs a program with these arguments. `Err` is what it said; its exit code, if it came to one.
pub fn run(program: &str, arguments: &[&str]) -> Result<(), (Option<i32>, String)> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    end(program, command, PATIENCE)
}

/// Runs a command to its end; ends it when it takes longer than `patience`.
pub fn end(
    program: &str,
    mut command: Command,
    patience: Duration,
) -> Result<(), (Option<i32>, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child = child.map_err(|error| (None, format!("cannot run {program}: {error}")))?;
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let said = said(&mut child);
                return Err((status.code(), format!("{program}: {status}: {said}")));
            }
            Ok(None) if started.elapsed() < patience => thread::sleep(LOOK),
            Ok(None) => {
                let _ended_just_now = child.kill();
                let _reaped = child.wait();
                return Err((None, format!("{program} did not end within {patience:?}")));
            }
            Err(error) => return Err((None, format!("cannot wait for {program}: {error}"))),
        }
    }
}

/// The beginning of its stderr, in one line.
fn said(child: &mut Child) -> String {
    let mut words = Vec::new();
    if let Some(pipe) = child.stderr.take() {
        let _what_there_is = pipe.take(MAX_WORDS).read_to_end(&mut words);
    }
    String::from_utf8_lossy(&words).lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
