//! Network namespaces.

use std::{fs::File, io, panic::resume_unwind, path::Path, process, thread};

use nix::sched::{CloneFlags, setns};

use crate::process::{outcome, run};

/// A named network namespace with its loopback up; removed on drop.
#[derive(Debug)]
pub struct Namespace {
    /// As `ip netns` knows it.
    pub name: String,
}

impl Namespace {
    /// Adds `vt-PID-NAME`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let namespace = Self { name: format!("vt-{}-{name}", process::id()) };
        run("ip", &["netns", "add", &namespace.name]);
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace
    }

    /// Names the network namespace of a process `vt-PID-NAME`.
    #[must_use]
    pub fn of_process(name: &str, pid: u32) -> Self {
        let namespace = Self { name: format!("vt-{}-{name}", process::id()) };
        run("ip", &["netns", "attach", &namespace.name, &pid.to_string()]);
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace
    }

    /// `ip ARGS` inside.
    pub fn ip(&self, args: &[&str]) -> String {
        run("ip", &[&["-n", &self.name], args].concat())
    }

    /// Any program inside.
    pub fn exec(&self, args: &[&str]) -> String {
        run("ip", &[&["netns", "exec", &self.name], args].concat())
    }

    /// Does `work` on a thread inside; the sockets and threads that it makes stay there.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            self.enter().unwrap_or_else(|e| panic!("{}: {e}", self.name));
            work()
        };
        let done = thread::scope(|scope| scope.spawn(inside).join());
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn enter(&self) -> io::Result<()> {
        setns(File::open(Path::new("/run/netns").join(&self.name))?, CloneFlags::CLONE_NEWNET)?;
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = outcome("ip", &["netns", "del", &self.name]);
    }
}
