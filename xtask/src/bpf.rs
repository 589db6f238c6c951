//! The kernel programs: built for the BPF target, left where the agent's build.rs finds them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cargo,
    failure::{OrFail, Result},
    layout::{self, Layout},
    linker, step,
    toolchain::{self, Rust},
};

const PACKAGE: &str = "vpnmon-ebpf";
const TARGET: &str = "bpfel-unknown-none";
const PROFILE: &str = "bpf";
/// The binaries of the package: the product, and the programs that test it from beside.
const OBJECTS: [&str; 3] = [PACKAGE, WITNESS, EMPTY];
/// A test-only program that counts by itself.
pub const WITNESS: &str = "witness";
/// A test-only program that does nothing.
pub const EMPTY: &str = "empty";

/// Finds the toolchain and builds all objects into `target/bpf`.
pub fn build(layout: &Layout) -> Result<()> {
    let rust = toolchain::ensure(layout)?;
    let linker = linker::ensure(layout, &rust)?;
    let out = layout.target.join("bpf-build");
    let mut command = command(layout, &rust, &linker, &out);
    step::shown("building the kernel programs", "about 40 s the first time", &mut command)?;
    let built = out.join(TARGET).join(PROFILE);
    OBJECTS.iter().try_for_each(|name| publish(&built.join(name), &layout.bpf_object(name)))
}

fn command(layout: &Layout, rust: &Rust, linker: &Path, out: &Path) -> Command {
    let mut command = cargo::clean(&rust.cargo);
    command
        .args(["build", "--profile", PROFILE, "-Z", "build-std=core", "--target", TARGET])
        .args(["--package", PACKAGE, "--bins", "--target-dir"])
        .arg(out)
        .current_dir(&layout.root)
        .env("RUSTC", &rust.rustc)
        // build-std is unstable, and Debian's compiler is a stable one.
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rustflags(&layout.root, &rust.sysroot, linker).join("\x1f"),
        );
    command
}

fn rustflags(root: &Path, sysroot: &Path, linker: &Path) -> Vec<String> {
    let mut flags = vec![
        format!("-Clinker={}", linker.display()),
        "-Clink-arg=--btf".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Cpanic=abort".to_owned(),
        "-Ctarget-cpu=v3".to_owned(),
        // aya-ebpf lays out the registers of the machine that the programs will run on.
        format!("--cfg=bpf_target_arch=\"{}\"", env::consts::ARCH),
    ];
    // The same sources give the same object, wherever they and the registry are.
    flags.push(format!("--remap-path-prefix={}=/vpnmon", root.display()));
    flags.push(format!("--remap-path-prefix={}/lib/rustlib=/rustlib", sysroot.display()));
    if let Some(home) = cargo_home() {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

/// Copies only what differs: the agent embeds the object and is rebuilt when its time changes.
fn publish(built: &Path, object: &Path) -> Result<()> {
    let next = format!("check the binaries of {PACKAGE} and the space under target");
    let what = format!("copying {}", built.display());
    let bytes = fs::read(built).or_fail(&what, &next)?;
    if fs::read(object).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(dir) = object.parent() {
        layout::make_dir(dir)?;
    }
    let partial = object.with_added_extension("partial");
    fs::write(&partial, bytes).or_fail(&what, &next)?;
    fs::rename(&partial, object).or_fail(&what, &next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equal_object_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (built, object) = (dir.path().join("built"), dir.path().join("bpf/object"));
        let publish_at = |bytes: &[u8]| {
            fs::write(&built, bytes).unwrap();
            publish(&built, &object).unwrap();
            fs::metadata(&object).unwrap().modified().unwrap()
        };
        let first = publish_at(b"one");
        assert_eq!(publish_at(b"one"), first);
        publish_at(b"two");
        assert_eq!(fs::read(&object).unwrap(), b"two");
    }

    #[test]
    fn paths_of_this_machine_are_mapped_away() {
        let flags = rustflags(Path::new("/home/u/vpnmon"), Path::new("/usr"), Path::new("/l"));
        assert!(flags.contains(&"--remap-path-prefix=/home/u/vpnmon=/vpnmon".to_owned()));
        assert!(flags.iter().all(|flag| !flag.contains('\x1f')));
    }
}
