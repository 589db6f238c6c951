//! QEMU: the installed one, else one unpacked under `target` and never installed.
//!
//! To install it could take other packages away (Debian 12: qemu-utils).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{OrFail, Result},
    kernels::{archive::Archive, plan, tool},
    layout::Layout,
};

const PACKAGE: &str = "qemu-system-x86";
const PROGRAM: &str = "qemu-system-x86_64";
const NEXT: &str = "install qemu-system-x86 by hand, or remove target/kernels and run this again";

/// A program that runs, and where its libraries and firmware are.
pub struct Qemu {
    program: PathBuf,
    /// Of an unpacked one.
    root: Option<PathBuf>,
}

/// The installed one or the unpacked one, which is downloaded if it is not here.
pub fn ensure(layout: &Layout) -> Result<Qemu> {
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&path).map(|dir| dir.join(PROGRAM));
    let installed = installed.map(|program| Qemu { program, root: None });
    let root = super::dir(layout).join("qemu");
    let unpacked =
        || Qemu { program: root.join("usr/bin").join(PROGRAM), root: Some(root.clone()) };
    if let Some(qemu) = installed.chain([unpacked()]).find(|qemu| qemu.version().is_ok()) {
        return Ok(qemu);
    }
    download(layout, &root)?;
    unpacked().version()?;
    Ok(unpacked())
}

/// The plan is apt's, for this machine as it is, so libraries that are installed are not in it.
fn download(layout: &Layout, root: &Path) -> Result<()> {
    let machine = Archive::of_machine(layout)?;
    let packages = plan::plan(&machine, PACKAGE)?;
    let partial = root.with_added_extension("partial");
    for left in [root, &partial] {
        let _not_there = fs::remove_dir_all(left);
    }
    machine.unpack(&packages, "about 17 MB", &partial)?;
    fs::rename(&partial, root).or_fail(format!("making {}", root.display()), NEXT)
}

impl Qemu {
    /// To be given a machine's description.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(root) = &self.root {
            let libraries = ["usr/lib", "lib"].map(|lib| root.join(lib).join("x86_64-linux-gnu"));
            if let Ok(path) = env::join_paths(libraries) {
                command.env("LD_LIBRARY_PATH", path);
            }
            for firmware in ["qemu", "seabios"] {
                command.arg("-L").arg(root.join("usr/share").join(firmware));
            }
        }
        command
    }

    fn version(&self) -> Result<String> {
        tool::text("starting QEMU", self.command().arg("--version"))
    }
}
