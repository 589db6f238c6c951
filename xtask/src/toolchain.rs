//! Which Rust builds the kernel programs: chosen by looking, installed where there is none.

use std::{fmt, path::PathBuf};

use crate::{
    apt,
    facts::{self, Facts},
    failure::{Failure, Result},
    layout::Layout,
    linker,
};

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const FOUND: &str = "has the library source";
const BY_HAND: &str = "install a nightly with its source by \
    `rustup toolchain install nightly --component rust-src`, then run this again";

/// A Rust that may be able to build for BPF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rust {
    /// Its name for people, such as `rustup nightly`.
    pub name: String,
    /// What holds its `bin` and `lib`.
    pub sysroot: PathBuf,
    /// The compiler.
    pub rustc: PathBuf,
    /// The cargo of the same version.
    pub cargo: PathBuf,
    /// Major and minor version.
    pub release: (u32, u32),
    /// The LLVM major, which bpf-linker must share: LLVM reads no bitcode newer than itself.
    pub llvm: u32,
}

impl fmt::Display for Rust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{} (LLVM {})", self.name, self.release.0, self.release.1, self.llvm)
    }
}

/// Where bpf-linker's LLVM stands for a [`Rust`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Llvm {
    /// A linker is in the cache, or the library to build it.
    Ready,
    /// apt knows the package.
    Installable,
    /// Not to be had.
    Missing,
}

/// What [`choose`] says, each with its reason.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// This one.
    Use(Rust, String),
    /// None here will do.
    InstallDebian(String),
}

/// Finds or installs the toolchain and says in one line which it is and why.
pub fn ensure(layout: &Layout) -> Result<Rust> {
    match choose(&facts::look(layout)) {
        Choice::Use(rust, why) => Ok(announce(rust, &why)),
        Choice::InstallDebian(why) => install_debian(layout, &why),
    }
}

fn install_debian(layout: &Layout, why: &str) -> Result<Rust> {
    eprintln!("BPF toolchain: installing Debian's rustc with its source, because {why}");
    apt::install(layout, &DEBIAN_PACKAGES, "no Rust with library source is here", BY_HAND)?;
    match choose(&facts::look(layout)) {
        Choice::Use(rust, why) => Ok(announce(rust, &why)),
        Choice::InstallDebian(why) => {
            let what = "installing a BPF toolchain";
            Err(Failure::new(what, format!("apt worked, but {why}"), BY_HAND))
        }
    }
}

fn announce(rust: Rust, why: &str) -> Rust {
    eprintln!("BPF toolchain: {rust} {why}");
    rust
}

/// Takes the first that can work now, else the first for which apt has the LLVM.
pub fn choose(facts: &Facts) -> Choice {
    let mut refused = facts.refused.clone();
    let mut usable = Vec::new();
    for (rust, llvm) in &facts.rusts {
        match unfit(rust, *llvm, facts.oldest) {
            Some(why) => refused.push(format!("{rust} {why}")),
            None => usable.push((rust, *llvm)),
        }
    }
    let ready = usable.iter().find(|(_, llvm)| *llvm == Llvm::Ready).or_else(|| usable.first());
    let refused = refused.join(", ");
    match ready {
        Some((rust, _)) if refused.is_empty() => Choice::Use((*rust).clone(), FOUND.to_owned()),
        Some((rust, _)) => Choice::Use((*rust).clone(), format!("{FOUND}; {refused}")),
        None => Choice::InstallDebian(refused),
    }
}

fn unfit(rust: &Rust, llvm: Llvm, oldest: (u32, u32)) -> Option<String> {
    let (low, high) = (linker::LLVM_MAJORS.start(), linker::LLVM_MAJORS.end());
    if rust.release < oldest {
        Some(format!("is older than {}.{}", oldest.0, oldest.1))
    } else if !linker::LLVM_MAJORS.contains(&rust.llvm) {
        Some(format!("has an LLVM that {} cannot use ({low} to {high})", linker::NAME))
    } else if llvm == Llvm::Missing {
        Some(format!("finds no llvm-{}-dev", rust.llvm))
    } else {
        None
    }
}

#[cfg(test)]
#[path = "toolchain_tests.rs"]
mod tests;
