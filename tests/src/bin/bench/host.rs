//! Which machine it was: figures mean nothing without it.

use std::{fs, thread};

use aya::programs::ProgramType;
use nix::sys::utsname::uname;
use serde::Serialize;
use vpnmon_tests::process::outcome;

use crate::kernel_stats::programs;

/// The machine, before the run changes anything.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// As the processor names itself.
    pub processor: String,
    /// CPUs this process may use.
    pub cpus: usize,
    /// Memory.
    pub memory_gib: u64,
    /// `uname -r`.
    pub kernel: String,
    /// What the distribution calls itself.
    pub system: String,
    /// `iptables --version`, with the kind.
    pub iptables: String,
    /// `nft --version`.
    pub nftables: String,
    /// One-minute load average at the start: others who work on the machine.
    pub load: String,
    /// cgroup programs that others have loaded; they would be on the way of every packet.
    pub other_programs: usize,
}

impl Host {
    /// Looks.
    pub fn look() -> Self {
        let kernel = uname().map(|name| name.release().to_string_lossy().into_owned());
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cpus: thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kib.div_ceil(1 << 20),
            kernel: kernel.unwrap_or_else(|e| panic!("uname: {e}")),
            system: system(),
            iptables: version("iptables"),
            nftables: version("nft"),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            other_programs: programs()
                .filter(|program| program.program_type() == ProgramType::CgroupSkb.into())
                .count(),
        }
    }
}

/// The value after `name :` in a file of such lines.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn system() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("unknown").trim_matches('"').to_owned()
}

fn version(program: &str) -> String {
    let ended = outcome(program, &["--version"]);
    ended.stdout.lines().next().unwrap_or("unknown").trim().to_owned()
}
