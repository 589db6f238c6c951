//! The two cargos: the one that runs xtask, and the one that builds for BPF.

use std::{env, ffi::OsString, path::Path, process::Command};

use crate::{failure::Result, layout::Layout, step};

/// How the agent is built.
#[derive(Clone, Copy)]
pub enum Profile {
    /// Optimised.
    Release,
    /// Quick to build.
    Debug,
}

impl Profile {
    /// Debug if asked for.
    pub fn from_debug(debug: bool) -> Self {
        if debug { Self::Debug } else { Self::Release }
    }
}

/// A command of the cargo that runs xtask, in the workspace.
pub fn outer(layout: &Layout, subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).current_dir(&layout.root);
    command
}

/// The same for subcommands that compile, with the target directory of [`Layout`].
pub fn outer_compile(layout: &Layout, subcommand: &str) -> Command {
    let mut command = outer(layout, subcommand);
    command.arg("--target-dir").arg(&layout.target);
    command
}

/// A cargo by path, free of all that the outer cargo and rustup put into the environment.
pub fn clean(cargo: &Path) -> Command {
    let mut command = Command::new(cargo);
    for (name, _) in env::vars_os().filter(|(name, _)| poisons(name)) {
        command.env_remove(name);
    }
    command
}

/// Builds the agent with the BPF object already in place.
pub fn build_agent(layout: &Layout, profile: Profile) -> Result<()> {
    let mut command = outer_compile(layout, "build");
    command.args(["--package", "vpnmon-agent"]);
    if matches!(profile, Profile::Release) {
        command.arg("--release");
    }
    step::shown("building the agent", "about 60 s the first time", &mut command)
}

/// Whether a variable would make another cargo use this one's toolchain, flags or directories.
/// Where the registry is, and how to reach it, stays.
fn poisons(name: &OsString) -> bool {
    const KEPT: [&str; 5] =
        ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_TERM_"];
    let name = name.to_string_lossy();
    let rust =
        name.starts_with("CARGO") || name.starts_with("RUSTC") || name.starts_with("RUSTDOC");
    (rust && !KEPT.iter().any(|kept| name.starts_with(kept)))
        || matches!(&*name, "RUSTFLAGS" | "RUSTUP_TOOLCHAIN" | "LD_LIBRARY_PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: bool) {
        assert_eq!(poisons(&OsString::from(name)), expected, "{name}");
    }

    #[test]
    fn knows_what_poisons_another_cargo() {
        for name in ["CARGO", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_PKG_NAME"] {
            check(name, true);
        }
        for name in ["RUSTC_WRAPPER", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
            check(name, true);
        }
        for name in ["CARGO_HOME", "CARGO_HTTP_CAINFO", "CARGO_REGISTRIES_X_INDEX", "PATH"] {
            check(name, false);
        }
    }
}
