//! Formatting, clippy and documentation, every warning an error.

use std::process::Stdio;

use crate::{
    bpf, cargo,
    failure::{Failure, Result},
    layout::Layout,
    step,
};

/// Runs all lints; the agent's build needs the BPF objects, so those come first.
pub fn lint(layout: &Layout) -> Result<()> {
    components(layout)?;
    bpf::build(layout)?;
    checks(layout)
}

/// Runs the lints on a tree whose BPF objects are built.
pub fn checks(layout: &Layout) -> Result<()> {
    let mut fmt = cargo::outer(layout, "fmt");
    step::shown("checking the format", "about 1 s", fmt.args(["--all", "--check"]))?;
    let mut fmt = cargo::outer(layout, "fmt");
    fmt.args(["--manifest-path", "fuzz/Cargo.toml", "--check"]);
    step::shown("checking the format of the fuzz targets", "about 1 s", &mut fmt)?;
    let mut clippy = cargo::outer_compile(layout, "clippy");
    clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
    step::shown("clippy", "about 60 s the first time", &mut clippy)?;
    let mut doc = cargo::outer_compile(layout, "doc");
    // Most of the agent is private to its crate.
    doc.args(["--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");
    step::shown("documentation", "about 20 s the first time", &mut doc)
}

/// Fails early, and by name, if a component of the toolchain is not installed.
pub fn components(layout: &Layout) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let mut command = cargo::outer(layout, subcommand);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        if !command.status().is_ok_and(|status| status.success()) {
            let why = format!("`cargo {subcommand}` does not run");
            let next = format!("run `rustup component add {component}`");
            return Err(Failure::new("lint", why, next));
        }
    }
    Ok(())
}
