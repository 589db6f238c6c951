//! Puts the path of the BPF object, made beforehand by `cargo xtask build`, into the agent.

use std::{env, path::PathBuf, process::ExitCode};

const OBJECT_VARIABLE: &str = "VPNMON_BPF_OBJECT";

fn main() -> ExitCode {
    let default = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("../target/bpf/vpnmon-ebpf");
    let object = env::var_os(OBJECT_VARIABLE).map_or(default, PathBuf::from);
    println!("cargo::rerun-if-env-changed={OBJECT_VARIABLE}");
    println!("cargo::rerun-if-changed={}", object.display());
    if !object.exists() {
        println!(
            "cargo::error=no BPF object at {}: run `cargo xtask build` once, it makes it",
            object.display()
        );
        return ExitCode::FAILURE;
    }
    println!("cargo::rustc-env={OBJECT_VARIABLE}={}", object.display());
    ExitCode::SUCCESS
}
