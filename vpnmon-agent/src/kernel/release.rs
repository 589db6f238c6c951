//! Which kernel runs, and whether it can carry the programs.

use anyhow::{Context as _, Result, ensure};

/// The first kernel with all that the programs use; the socket storage of cgroup_skb among it.
pub const OLDEST: (u32, u32) = (5, 10);

/// `uname -r`.
pub fn release() -> Result<String> {
    let name = nix::sys::utsname::uname().context("cannot ask for the kernel's release")?;
    Ok(name.release().to_string_lossy().into_owned())
}

/// Fails on a kernel that is too old, with what to do about it.
pub fn check(release: &str) -> Result<()> {
    let (major, minor) = OLDEST;
    ensure!(
        version(release).is_none_or(|version| version >= OLDEST),
        "kernel {release} is too old: vpnmon needs {major}.{minor} or newer; install a newer \
         kernel (on Ubuntu 20.04: linux-generic-hwe-20.04) and boot it"
    );
    Ok(())
}

/// Whether the running kernel has tcx (6.6).
pub fn has_tcx() -> bool {
    is_at_least((6, 6))
}

/// Whether the running kernel is this one or newer; unknown ones are taken for new ones.
pub fn is_at_least(least: (u32, u32)) -> bool {
    release().is_ok_and(|release| version(&release).is_none_or(|version| version >= least))
}

/// Major and minor version; `None` where the release does not begin with them.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kernels_are_refused() {
        for (release, fits) in [
            ("6.18.44", true),
            ("5.10.0-33-cloud-amd64", true),
            ("5.10", true),
            ("5.9.16", false),
            ("5.4.0-216-generic", false),
            ("4.19.0", false),
            ("2.6.78", false),
            ("10.0-rc1", true),
            ("custom", true),
        ] {
            assert_eq!(check(release).is_ok(), fits, "{release}");
        }
    }
}
