//! Network namespaces.

use std::process;

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
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = outcome("ip", &["netns", "del", &self.name]);
    }
}
