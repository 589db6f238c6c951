//! Child processes that never outlive their guard.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

use crate::wait::{SOON, patient, wait_for};

/// A running child; killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    collector: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`; `name` is for messages.
    #[must_use]
    pub fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let stderr = Arc::new(Mutex::new(String::new()));
        let collector = child.stderr.take().map(|pipe| collect(pipe, Arc::clone(&stderr)));
        let (sender, lines) = channel();
        if let Some(pipe) = child.stdout.take() {
            thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).for_each(|line| {
                    let _ = sender.send(line);
                });
            });
        }
        Self { name: name.to_owned(), child, lines, stderr, collector }
    }

    /// The next line of its stdout.
    #[must_use]
    pub fn line(&mut self, deadline: Duration) -> String {
        self.next_line(deadline).unwrap_or_else(|| {
            panic!("{}: no line on stdout in {deadline:?}; stderr:\n{}", self.name, self.stderr())
        })
    }

    /// The next line of its stdout, unless it ends or keeps silent.
    #[must_use]
    pub fn next_line(&mut self, deadline: Duration) -> Option<String> {
        self.lines.recv_timeout(patient(deadline)).ok()
    }

    /// The number after `word` in the next line.
    #[must_use]
    pub fn number(&mut self, word: &str, deadline: Duration) -> u64 {
        let line = self.line(deadline);
        let number = line.strip_prefix(word).and_then(|rest| rest.trim().parse().ok());
        number.unwrap_or_else(|| panic!("{}: expected `{word} NUMBER`, got `{line}`", self.name))
    }

    /// What it wrote to stderr up to now.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All of stderr, once it has ended.
    #[must_use]
    pub fn stderr_to_end(&mut self) -> String {
        let _ = self.end(SOON);
        // Ended and nobody else has its stderr, or this waits for them.
        self.collector.take().map(JoinHandle::join);
        self.stderr()
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its end, if it has come.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap_or_else(|e| panic!("cannot wait for {}: {e}", self.name))
    }

    /// Waits for its end.
    #[must_use]
    pub fn end(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait_for(&what, deadline, || {
            self.ended().ok_or_else(|| format!("running; stderr:\n{}", self.stderr()))
        })
    }

    /// Waits for its end, which must be a success.
    pub fn success(mut self, deadline: Duration) {
        let status = self.end(deadline);
        assert!(status.success(), "{}: {status}; stderr:\n{}", self.name, self.stderr());
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, signal).unwrap_or_else(|e| panic!("cannot send {signal} to {}: {e}", self.name));
    }

    /// SIGKILL, and the proof that it died of it.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        let status = self.end(SOON);
        assert_eq!(status.signal(), Some(9), "{} ended before it was killed: {status}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            // What a process that the test did not wait for has to say is often the reason.
            let said = self.stderr();
            let last = said.lines().rev().take(LAST_WORDS).collect::<Vec<_>>();
            last.iter().rev().for_each(|line| eprintln!("{}: {line}", self.name));
        }
    }
}

fn collect(mut pipe: impl Read + Send + 'static, text: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(len @ 1..) = pipe.read(&mut chunk) {
            let words = String::from_utf8_lossy(&chunk[..len]);
            text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&words);
        }
    })
}

/// Lines that a process says again when its test fails.
const LAST_WORDS: usize = 5;

/// The end of a command that ran to its end.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

/// A program that hangs would hang the test.
const GIVE_UP: Duration = Duration::from_mins(1);

/// Runs `program` to its end, which the caller judges; kills it and its children after a minute.
#[must_use]
pub fn outcome(program: &str, args: &[&str]) -> Ended {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.process_group(0).spawn();
    let child = child.unwrap_or_else(|e| panic!("cannot run {program}: {e}"));
    let group = Pid::from_raw(child.id().cast_signed());
    let (sender, end) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let output = end.recv_timeout(patient(GIVE_UP)).or_else(|_| {
        let _ended_just_now = killpg(group, Signal::SIGKILL);
        end.recv()
    });
    let Ok(Ok(Output { status, stdout, stderr })) = output else {
        panic!("cannot wait for {program}: {output:?}")
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs `program`, which must succeed; its stdout.
pub fn run(program: &str, args: &[&str]) -> String {
    let ended = outcome(program, args);
    assert!(ended.code == 0, "{program} {}: exit {}: {}", args.join(" "), ended.code, ended.stderr);
    ended.stdout
}

/// Time on a CPU of all threads of a process, in seconds. From schedstat, which counts nanoseconds; the
/// ticks of `/proc/PID/stat` are too coarse for an idle agent.
#[must_use]
pub fn cpu_seconds(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum()).as_secs_f64()
}
