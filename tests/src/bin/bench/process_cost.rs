//! What a process takes of the machine.

use std::{fs, time::Instant};

use crate::figures::float;

/// Time on a CPU of all threads, in seconds. From schedstat, which counts nanoseconds; the ticks of
/// `/proc/PID/stat` are too coarse for an idle agent.
fn cpu_seconds(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    float(nanoseconds.sum()) / 1e9
}

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
