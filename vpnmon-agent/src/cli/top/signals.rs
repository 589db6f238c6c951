//! Signals as messages: the terminal is put right before anything else happens.

use std::{io, process::ExitCode, sync::mpsc::Sender, thread};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use super::Message;

const HEARD: [Signal; 5] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGTSTP, Signal::SIGCONT];

/// Keeps the signals from doing what they do by themselves, in this thread and those it begins.
pub fn block() -> io::Result<SigSet> {
    let signals = HEARD.into_iter().collect::<SigSet>();
    signals.thread_block()?;
    Ok(signals)
}

/// Tells each that comes.
pub fn start(signals: SigSet, tell: Sender<Message>) {
    thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            if tell.send(Message::Signal(signal)).is_err() {
                return;
            }
        }
    });
}

/// Stops this program and whoever started it in front of the terminal (sudo), until the shell
/// lets them go on. Where no shell could do so, nothing stops.
pub fn stop() -> io::Result<()> {
    let stop = SigSet::from(Signal::SIGTSTP);
    // The kernel prefers the main thread, which this is, to the one that waits for signals.
    stop.thread_unblock()?;
    kill(Pid::from_raw(0), Signal::SIGTSTP)?;
    stop.thread_block()?;
    Ok(())
}

/// As shells have it.
pub fn exit_code(signal: Signal) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal as i32).unwrap_or(1))
}
