//! What runs in the guest: our programs, linked statically, in an initramfs of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    bpf, cargo,
    failure::{OrFail, Result},
    kernels::cpio::Cpio,
    layout::Layout,
    step,
};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const DIRECTORIES: [&str; 9] =
    ["bin", "dev", "etc", "modules", "proc", "root", "run", "sys", "tmp"];
/// The checks know these by number: `tests/src/bin/guest/traffic.rs`.
const FILES: [(&str, &str); 3] = [
    (
        "etc/passwd",
        "root:x:0:0::/root:/bin/false\nalice:x:1001:1001::/root:/bin/false\n\
         bob:x:1002:1002::/root:/bin/false\ncarol:x:1003:1003::/root:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\nalice:x:1001:\nbob:x:1002:\ncarol:x:1003:\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\n"),
];
/// Where each program goes.
const PROGRAMS: [(&str, &str); 3] = [
    ("vpnmon-guest", "init"),
    ("vpnmon-agent", "bin/vpnmon-agent"),
    ("vpnmon-traffic", "bin/vpnmon-traffic"),
];

/// The programs, read into memory.
pub struct Guest {
    programs: Vec<(&'static str, Vec<u8>)>,
}

impl Guest {
    /// Builds them. There is no C library in the guest, so they bring theirs.
    pub fn build(layout: &Layout) -> Result<Self> {
        bpf::build(layout)?;
        let out = super::dir(layout).join("build");
        let mut command = cargo::outer(layout, "build");
        command
            .args(["--release", "--target", TARGET, "--target-dir"])
            .arg(&out)
            .args(["--package", "vpnmon-agent", "--package", "vpnmon-tests", "--bins"])
            .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            // A guest copies its initramfs at the speed of an emulator; and speed of the agent is
            // not what is looked at.
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
            .env("CARGO_PROFILE_RELEASE_LTO", "off");
        step::shown("building the guest's programs", "about 90 s the first time", &mut command)?;
        let built = out.join(TARGET).join("release");
        let read = |(name, place): (&str, &'static str)| {
            let file = built.join(name);
            let bytes =
                fs::read(&file).or_fail(format!("reading {}", file.display()), "run this again")?;
            Ok((place, bytes))
        };
        let mut programs = PROGRAMS.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        let witness = layout.bpf_object(bpf::WITNESS);
        let bytes = fs::read(&witness)
            .or_fail(format!("reading {}", witness.display()), "run this again")?;
        programs.push(("bin/witness", bytes));
        Ok(Self { programs })
    }

    /// Writes the guest's first and only root.
    pub fn initramfs(&self, modules: &[(String, Vec<u8>)], into: &Path) -> Result<PathBuf> {
        let mut cpio = Cpio::default();
        for path in DIRECTORIES {
            cpio.directory(path);
        }
        for (path, text) in FILES {
            cpio.file(path, text.as_bytes());
        }
        for (path, bytes) in &self.programs {
            cpio.file(path, bytes);
        }
        for (name, bytes) in modules {
            cpio.file(&format!("modules/{name}"), bytes);
        }
        let file = into.join("initramfs");
        fs::write(&file, cpio.finish())
            .or_fail(format!("writing {}", file.display()), "check the free space under target")?;
        Ok(file)
    }
}
