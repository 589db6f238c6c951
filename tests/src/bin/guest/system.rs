//! What a distribution's init would have done.

use std::{
    ffi::CStr,
    fs::{self, File},
};

use nix::{
    kmod::{ModuleInitFlags, finit_module},
    mount::{MsFlags, mount},
};

const MODULES: &str = "/modules";

/// Mounts what every machine has. Not bpffs: that is for the agent to find missing.
pub fn mount_all() {
    for (kind, at) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("cgroup2", "/sys/fs/cgroup"),
        ("tmpfs", "/run"),
        ("tmpfs", "/tmp"),
    ] {
        let none = None::<&str>;
        mount(Some(kind), at, Some(kind), MsFlags::empty(), none)
            .unwrap_or_else(|e| panic!("cannot mount {kind} at {at}: {e}"));
    }
    // From here on only a dying kernel writes between our lines.
    fs::write("/proc/sys/kernel/printk", "1").unwrap_or_else(|e| panic!("printk: {e}"));
}

/// Loads every module of the initramfs in the order of the file names.
pub fn load_modules() {
    let entries = fs::read_dir(MODULES).unwrap_or_else(|e| panic!("{MODULES}: {e}"));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for path in files {
        let file = File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        finit_module(&file, <&CStr>::default(), ModuleInitFlags::empty())
            .unwrap_or_else(|e| panic!("cannot load {}: {e}", path.display()));
    }
}

/// Names of the network interfaces with hardware behind them.
pub fn network_devices() -> Vec<String> {
    let interfaces = fs::read_dir("/sys/class/net").unwrap_or_else(|e| panic!("interfaces: {e}"));
    let real = interfaces.flatten().filter(|entry| entry.path().join("device").exists());
    real.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
