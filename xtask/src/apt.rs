//! Debian packages, installed without starting what they bring.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::geteuid;

use crate::{
    failure::{Failure, OrFail, Result},
    layout::{self, Layout},
    step,
};

const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str =
    "#!/bin/sh\n# vpnmon xtask: refuses service starts during an install\nexit 101\n";

/// Installs packages; `why` and `otherwise` go into the failure if that cannot be done.
pub fn install(layout: &Layout, packages: &[&str], why: &str, otherwise: &str) -> Result<()> {
    let list = packages.join(" ");
    let what = format!("installing {list} ({why})");
    if !geteuid().is_root() {
        let next =
            format!("run `sudo apt-get install --no-install-recommends {list}`, or {otherwise}");
        return Err(Failure::new(what, "needs root", next));
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(Failure::new(what, "this machine has no apt-get", otherwise));
    }
    let _policy = Policy::refuse(PathBuf::from(POLICY))?;
    update(layout)?;
    let mut command = apt_get("install");
    // Debian's rustc-web conflicts with rustc and rustup: never take those away unasked.
    command.args(["-y", "--no-install-recommends", "--no-remove"]).args(packages);
    let log = layout.log("apt-install")?;
    let (step, about) = (format!("installing {list}"), format!("{why}; 10 to 40 s"));
    step::logged(&step, &about, &log, &mut command).map_err(|failure| {
        Failure::new(&what, failure.why(), format!("see {}; {otherwise}", log.display()))
    })
}

/// Puts the files of `package` below `into` and installs nothing: no service, no account.
pub fn unpack(layout: &Layout, package: &str, why: &str, into: &Path) -> Result<()> {
    let what = format!("fetching {package} ({why})");
    if !Path::new("/usr/bin/apt-get").exists() {
        let next = format!("install {package} by hand");
        return Err(Failure::new(what, "this machine has no apt-get", next));
    }
    update(layout)?;
    let debs = into.join("debs");
    layout::make_dir(&debs)?;
    let mut download = apt_get("download");
    // The user _apt may not be able to enter the clone.
    download.args(["-o", "APT::Sandbox::User=root", package]).current_dir(&debs);
    let log = layout.log(&format!("apt-{package}"))?;
    step::logged(&what, "about 5 s", &log, &mut download)?;
    let next = format!("remove {} and run this again", into.display());
    for deb in fs::read_dir(&debs).or_fail(&what, &next)? {
        let mut open = Command::new("dpkg-deb");
        open.arg("-x").arg(deb.or_fail(&what, &next)?.path()).arg(into);
        step::logged(&format!("unpacking {package}"), "about 1 s", &log, &mut open)?;
    }
    fs::remove_dir_all(&debs).or_fail(&what, &next)
}

/// One broken source must not stop an install from the others, so a failure is only told.
fn update(layout: &Layout) -> Result<()> {
    let log = layout.log("apt-update")?;
    let mut command = apt_get("update");
    if let Err(failure) = step::logged("apt-get update", "about 5 s", &log, &mut command) {
        crate::interrupt::check("apt-get update")?;
        eprintln!("{failure}; going on with the lists at hand");
    }
    Ok(())
}

fn apt_get(subcommand: &str) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["-o", "DPkg::Lock::Timeout=120", subcommand])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env_remove("LD_LIBRARY_PATH");
    command
}

/// Keeps openssh-server from starting an sshd; there is no other switch in Debian.
struct Policy {
    ours: Option<PathBuf>,
}

impl Policy {
    /// An admin's own policy stays as it is; one left by a killed xtask is taken over.
    fn refuse(path: PathBuf) -> Result<Self> {
        match fs::read_to_string(&path) {
            Ok(text) if text == POLICY_TEXT => return Ok(Self { ours: Some(path) }),
            _ if path.exists() => return Ok(Self { ours: None }),
            _ => {}
        }
        let what = format!("writing {}", path.display());
        let next = "check the permissions of its directory";
        let mut file = File::create_new(&path).or_fail(&what, next)?;
        let policy = Self { ours: Some(path) };
        file.set_permissions(fs::Permissions::from_mode(0o755)).or_fail(&what, next)?;
        file.write_all(POLICY_TEXT.as_bytes()).or_fail(&what, next)?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(path) = &self.ours
            && let Err(error) = fs::remove_file(path)
        {
            eprintln!("xtask: removing {}: {error}; remove it by hand", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_is_made_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy-rc.d");
        let policy = Policy::refuse(path.clone()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        let status = Command::new(&path).status();
        drop(policy);
        assert!(!path.exists());
        // ETXTBSY where the file is still open for writing in a forked sibling test.
        assert!(status.map_or(true, |status| status.code() == Some(101)));
    }

    #[test]
    fn an_admins_policy_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy-rc.d");
        fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        drop(Policy::refuse(path.clone()).unwrap());
        assert!(path.exists());
    }

    #[test]
    fn a_policy_left_behind_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy-rc.d");
        fs::write(&path, POLICY_TEXT).unwrap();
        drop(Policy::refuse(path.clone()).unwrap());
        assert!(!path.exists());
    }
}
