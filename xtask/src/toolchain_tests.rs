//! The choice, over made-up machines.

use super::*;

fn rust(name: &str, minor: u32, llvm: u32) -> Rust {
    let (name, path) = (name.to_owned(), PathBuf::from("/none"));
    let (rustc, cargo) = (path.join("bin/rustc"), path.join("bin/cargo"));
    Rust { name, sysroot: path, rustc, cargo, release: (1, minor), llvm }
}

fn check(rusts: &[(&str, u32, u32, Llvm)], refused: &[&str], expected: Option<&str>) -> String {
    let rusts = rusts.iter().map(|(name, minor, llvm, have)| (rust(name, *minor, *llvm), *have));
    let facts = Facts {
        rusts: rusts.collect(),
        refused: refused.iter().map(ToString::to_string).collect(),
        oldest: (1, 95),
    };
    match choose(&facts) {
        Choice::Use(rust, why) => {
            assert_eq!(Some(rust.name.as_str()), expected);
            why
        }
        Choice::InstallDebian(why) => {
            assert_eq!(None, expected, "{why}");
            why
        }
    }
}

#[test]
fn nothing_here_means_debian() {
    check(&[], &[], None);
    let why = check(&[], &["rustup nightly has no rust-src"], None);
    assert_eq!(why, "rustup nightly has no rust-src");
}

#[test]
fn a_ready_nightly_comes_before_debian() {
    let nightly = ("nightly", 97, 22, Llvm::Ready);
    check(&[nightly, ("Debian", 96, 22, Llvm::Ready)], &[], Some("nightly"));
}

#[test]
fn a_ready_debian_comes_before_an_install() {
    let nightly = ("nightly", 99, 23, Llvm::Installable);
    check(&[nightly, ("Debian", 96, 22, Llvm::Ready)], &[], Some("Debian"));
    check(&[nightly], &[], Some("nightly"));
}

#[test]
fn a_nightly_without_llvm_is_passed_over() {
    let why = check(&[("nightly", 99, 23, Llvm::Missing)], &[], None);
    assert_eq!(why, "nightly 1.99 (LLVM 23) finds no llvm-23-dev");
}

#[test]
fn old_rust_and_foreign_llvm_are_refused() {
    let why = check(&[("Debian", 85, 19, Llvm::Ready)], &[], None);
    assert_eq!(why, "Debian 1.85 (LLVM 19) is older than 1.95");
    let why = check(&[("nightly", 120, 30, Llvm::Ready)], &[], None);
    assert!(why.contains("cannot use (21 to 23)"), "{why}");
}
