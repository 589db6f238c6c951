//! A program whose lines are read as they come, and never waited for.

use std::{
    io::{self, Read as _},
    os::fd::AsFd,
    process::{self, ChildStderr, ChildStdout, Command, Stdio},
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::lines::LineBuffer;

/// Read in one poll.
const MAX_READ: usize = 256 << 10;
/// As much as a pipe holds.
const CHUNK: usize = 64 << 10;
/// Of what it complains about.
const MAX_COMPLAINT: usize = 400;

/// Runs until it is dropped, or ends itself.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    out: ChildStdout,
    err: ChildStderr,
    lines: LineBuffer,
    chunk: Vec<u8>,
}

/// How a child is.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// More may come.
    Goes,
    /// It has closed its output; its own words why.
    Ended(String),
}

impl Child {
    /// Starts `command` with `arguments` behind its own.
    pub fn start(command: &[String], arguments: &[&str]) -> io::Result<Self> {
        let (program, first) = command.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut child = Command::new(program)
            .args(first)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let it =
            Self { process: child, out, err, lines: LineBuffer::default(), chunk: vec![0; CHUNK] };
        never_wait(&it.out)?;
        never_wait(&it.err)?;
        Ok(it)
    }

    /// Hands the lines that are there to `each`.
    pub fn read(&mut self, mut each: impl FnMut(&[u8])) -> Said {
        let mut read = 0;
        while read < MAX_READ {
            match self.out.read(&mut self.chunk) {
                Ok(0) => return Said::Ended(self.complaint()),
                Ok(len) => {
                    self.lines.push(&self.chunk[..len], &mut each);
                    read += len;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Said::Ended(error.to_string()),
            }
        }
        Said::Goes
    }

    /// Lines dropped for their length since the last call.
    pub fn take_too_long(&mut self) -> u64 {
        std::mem::take(&mut self.lines.too_long)
    }

    /// The end of what it wrote to stderr.
    fn complaint(&mut self) -> String {
        let mut text = Vec::new();
        // A pipe that is empty or closed ends it.
        let _ = (&mut self.err).take(CHUNK as u64).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().next_back().unwrap_or("it said nothing");
        last.chars().filter(|c| !c.is_control()).take(MAX_COMPLAINT).collect()
    }
}

fn never_wait(pipe: &impl AsFd) -> io::Result<()> {
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
