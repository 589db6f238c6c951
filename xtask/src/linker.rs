//! bpf-linker: built once a user and LLVM major, kept in the user's cache.

use std::{
    fs::{self, File, TryLockError},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    apt, cargo,
    failure::{Failure, OrFail, Result},
    interrupt,
    layout::{self, Layout},
    step,
    toolchain::Rust,
};

/// The program.
pub const NAME: &str = "bpf-linker";
/// The LLVM majors that [`VERSION`] has a feature for.
pub const LLVM_MAJORS: RangeInclusive<u32> = 21..=23;
const VERSION: &str = "0.13.0";

/// The linker for this Rust's LLVM, built if it is not there or does not run.
pub fn ensure(layout: &Layout, rust: &Rust) -> Result<PathBuf> {
    let program = home(layout, rust.llvm).join("bin").join(NAME);
    if runs(&program) {
        return Ok(program);
    }
    let _lock = lock(&layout.cache)?;
    // Whoever held the lock may have built it.
    if !runs(&program) {
        build(layout, rust.llvm)?;
    }
    if !runs(&program) {
        let why = format!("{} does not run after the build", program.display());
        return Err(Failure::new(format!("building {NAME}"), why, "run it by hand to see why"));
    }
    Ok(program)
}

/// Whether a linker for this LLVM is in the cache; it need not work.
pub fn cached(layout: &Layout, llvm: u32) -> bool {
    home(layout, llvm).join("bin").join(NAME).is_file()
}

/// Where Debian keeps this LLVM's headers and library.
pub fn llvm_prefix(llvm: u32) -> Option<PathBuf> {
    let prefix = PathBuf::from(format!("/usr/lib/llvm-{llvm}"));
    prefix.join("bin/llvm-config").exists().then_some(prefix)
}

fn home(layout: &Layout, llvm: u32) -> PathBuf {
    layout.cache.join(format!("{NAME}-{VERSION}-llvm{llvm}"))
}

fn runs(program: &Path) -> bool {
    let output = cargo::clean(program).arg("--version").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(VERSION))
}

/// Builds into a sibling and renames, so that a killed build leaves no half-done linker.
fn build(layout: &Layout, llvm: u32) -> Result<()> {
    let prefix = ensure_llvm(layout, llvm)?;
    let home = home(layout, llvm);
    let partial = home.with_added_extension("partial");
    remove(&partial)?;
    step::logged(
        &format!("building {NAME} {VERSION} for LLVM {llvm}"),
        "about 50 s, once a user",
        &layout.log(NAME)?,
        &mut install_command(layout, llvm, &prefix, &partial),
    )?;
    remove(&home)?;
    fs::rename(&partial, &home)
        .or_fail(format!("moving {}", partial.display()), "check the permissions of the cache")
}

fn install_command(
    layout: &Layout,
    llvm: u32,
    prefix: &Path,
    root: &Path,
) -> std::process::Command {
    let mut command = cargo::outer(layout, "install");
    command
        .arg(format!("{NAME}@{VERSION}"))
        .args(["--locked", "--no-default-features", "--features", &format!("llvm-{llvm}")])
        .arg("--root")
        .arg(root)
        // Away from the workspace, whose cargo configuration is not meant for it.
        .current_dir(&layout.cache)
        .env_remove("CARGO_TARGET_DIR")
        .env(format!("LLVM_SYS_{llvm}1_PREFIX"), prefix)
        .env("LLVM_PREFIX", prefix);
    command
}

fn ensure_llvm(layout: &Layout, llvm: u32) -> Result<PathBuf> {
    if let Some(prefix) = llvm_prefix(llvm) {
        return Ok(prefix);
    }
    let package = format!("llvm-{llvm}-dev");
    let next = format!("install LLVM {llvm} with its headers, then run this again");
    apt::install(layout, &[&package], &format!("{NAME} is built against it"), &next)?;
    llvm_prefix(llvm).ok_or_else(|| {
        let why = format!("/usr/lib/llvm-{llvm}/bin/llvm-config is missing");
        Failure::new(format!("installing {package}"), why, next)
    })
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).or_fail(format!("removing {}", dir.display()), "remove it by hand")
        }
        _ => Ok(()),
    }
}

/// Polls, because a blocking lock would not see Ctrl-C.
fn lock(cache: &Path) -> Result<File> {
    layout::make_dir(cache)?;
    let path = cache.join("setup.lock");
    let what = format!("locking {}", path.display());
    let next = "check its permissions";
    let file = File::create(&path).or_fail(&what, next)?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error).or_fail(&what, next),
            Err(TryLockError::WouldBlock) => {}
        }
        if !said {
            eprintln!("waiting for another setup to end ({})", path.display());
            said = true;
        }
        interrupt::check("waiting for another setup")?;
        thread::sleep(Duration::from_millis(100));
    }
}
