//! What Rust there is on this machine. Only looks; [`crate::toolchain`] decides.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cargo,
    layout::Layout,
    linker,
    toolchain::{Llvm, Rust},
};

const LIBRARY_SOURCE: &str = "lib/rustlib/src/rust/library/core";
const DEBIAN_SYSROOT: &str = "/usr";

/// All that the choice of a toolchain rests on.
pub struct Facts {
    /// Rusts with library source, the preferred ones first.
    pub rusts: Vec<(Rust, Llvm)>,
    /// Those without, and what they lack.
    pub refused: Vec<String>,
    /// The oldest Rust that the workspace builds with.
    pub oldest: (u32, u32),
}

/// Looks at rustup's toolchains, nightlies first, then at Debian's.
pub fn look(layout: &Layout) -> Facts {
    let oldest = minor_version(env!("CARGO_PKG_RUST_VERSION")).unwrap_or_default();
    let mut facts = Facts { rusts: Vec::new(), refused: Vec::new(), oldest };
    let toolchains = rustup_toolchains();
    if !toolchains.iter().any(|(name, _)| is_nightly(name)) {
        facts.refused.push("rustup has no nightly".to_owned());
    }
    for (name, sysroot) in toolchains {
        // A stable one serves as well, but to lack the source is normal for it: not worth a word.
        if is_nightly(&name) || sysroot.join(LIBRARY_SOURCE).is_dir() {
            facts.add(layout, &format!("rustup {name}"), &sysroot);
        }
    }
    facts.add(layout, "Debian rustc", Path::new(DEBIAN_SYSROOT));
    facts
}

impl Facts {
    fn add(&mut self, layout: &Layout, name: &str, sysroot: &Path) {
        let (rustc, cargo) = (sysroot.join("bin/rustc"), sysroot.join("bin/cargo"));
        let lacks = if !rustc.is_file() {
            "is not installed"
        } else if !cargo.is_file() {
            "has no cargo"
        } else if !sysroot.join(LIBRARY_SOURCE).is_dir() {
            "lacks the library source (rust-src)"
        } else if let Some((release, llvm)) = version_of(&rustc) {
            let (name, sysroot) = (name.to_owned(), sysroot.to_owned());
            let rust = Rust { name, sysroot, rustc, cargo, release, llvm };
            self.rusts.push((rust, llvm_state(layout, llvm)));
            return;
        } else {
            "does not tell its version"
        };
        self.refused.push(format!("{name} {lacks}"));
    }
}

fn rustup_toolchains() -> Vec<(String, PathBuf)> {
    let home = env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".rustup")));
    let Some(entries) = home.and_then(|home| fs::read_dir(home.join("toolchains")).ok()) else {
        return Vec::new();
    };
    let entries = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let mut found: Vec<_> = entries.filter_map(|path| Some((short_name(&path)?, path))).collect();
    found.sort_by_key(|(name, _)| (!is_nightly(name), name.clone()));
    found
}

fn is_nightly(name: &str) -> bool {
    name.starts_with("nightly")
}

/// `nightly-x86_64-unknown-linux-gnu` is `nightly` to a person.
fn short_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let host = format!("-{}-", env::consts::ARCH);
    Some(name.split_once(&host).map_or(name, |(channel, _)| channel).to_owned())
}

fn version_of(rustc: &Path) -> Option<((u32, u32), u32)> {
    let output = cargo::clean(rustc).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some((minor_version(field(&text, "release")?)?, llvm_major(&text)?))
}

fn llvm_state(layout: &Layout, major: u32) -> Llvm {
    if linker::cached(layout, major) || linker::llvm_prefix(major).is_some() {
        return Llvm::Ready;
    }
    let known = Command::new("apt-cache").args(["show", &format!("llvm-{major}-dev")]).output();
    if known.is_ok_and(|output| output.status.success()) {
        Llvm::Installable
    } else {
        Llvm::Missing
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn llvm_major(text: &str) -> Option<u32> {
    field(text, "LLVM version")?.split('.').next()?.parse().ok()
}

fn minor_version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\n\
        binary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0\nLLVM version: 22.1.8\n";

    fn check(text: &str, llvm: Option<u32>, release: Option<(u32, u32)>) {
        assert_eq!(llvm_major(text), llvm);
        assert_eq!(field(text, "release").and_then(minor_version), release);
    }

    #[test]
    fn reads_rustc_version() {
        check(DEBIAN, Some(22), Some((1, 96)));
        check("release: 1.97.0-nightly\nLLVM version: 23.0\n", Some(23), Some((1, 97)));
        check("release: x\nLLVM version: unknown\n", None, None);
        check("", None, None);
    }

    #[test]
    fn names_toolchains_as_people_do() {
        let path = format!("/t/nightly-{}-unknown-linux-gnu", env::consts::ARCH);
        assert_eq!(short_name(Path::new(&path)).as_deref(), Some("nightly"));
        assert_eq!(short_name(Path::new("/t/mine")).as_deref(), Some("mine"));
    }
}
