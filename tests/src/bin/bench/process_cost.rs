//! What a process takes of the machine.

use std::{fs, time::Instant};

use vpnmon_tests::process::cpu_seconds;

/// Percent of a core that the process takes while `meanwhile` runs.
pub fn cpu_percent(pid: u32, meanwhile: impl FnOnce()) -> f64 {
    let (before, started) = (cpu_seconds(pid), Instant::now());
    meanwhile();
    (cpu_seconds(pid) - before) / started.elapsed().as_secs_f64() * 100.0
}

/// Resident memory in MiB, the mapped counters included.
pub fn resident_mib(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
