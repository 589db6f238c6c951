//! Debian packages whose programs the system tests call.

use std::{env, path::Path};

use crate::{
    apt,
    failure::{Failure, Result},
    layout::Layout,
};

/// A package, and how to see whether it is there.
pub struct Package {
    /// As apt knows it.
    pub name: &'static str,
    /// Files by absolute path, or programs looked for in [`program_dirs`].
    pub needs: &'static [&'static str],
    /// For whoever sees it being installed.
    pub why: &'static str,
}

const TABLE: [Package; 18] = [
    Package { name: "strace", needs: &["strace"], why: "faults in the agent's own system calls" },
    Package {
        name: "nftables",
        needs: &["nft"],
        why: "the firewall counters that ours are compared with",
    },
    Package { name: "openssh-server", needs: &["/usr/sbin/sshd"], why: "real sessions to meter" },
    Package {
        name: "dropbear-bin",
        needs: &["/usr/sbin/dropbear", "dropbearkey"],
        why: "sessions that stay root",
    },
    Package { name: "stunnel4", needs: &["stunnel"], why: "TLS in front of an SSH server" },
    Package { name: "openssl", needs: &["openssl"], why: "TLS clients, and stunnel's key" },
    Package { name: "openssh-client", needs: &["ssh", "ssh-keygen"], why: "real tunnel clients" },
    Package { name: "iproute2", needs: &["ip", "ss", "tc"], why: "network namespaces and links" },
    Package { name: "ethtool", needs: &["ethtool"], why: "switches segmentation offload" },
    Package {
        name: "util-linux",
        needs: &["unshare", "setpriv", "setarch", "nsenter"],
        why: "traffic as another user, in another namespace, on a named kernel",
    },
    Package {
        name: "systemd",
        needs: &["/lib/systemd/systemd-journald", "journalctl"],
        why: "a journal to read logins from",
    },
    Package {
        name: "passwd",
        needs: &["useradd", "userdel", "usermod"],
        why: "throw-away accounts",
    },
    Package { name: "tmux", needs: &["tmux"], why: "a terminal that `top` and menus are seen in" },
    Package {
        name: "chromium-headless-shell",
        needs: &["chromium-headless-shell"],
        why: "a browser that the HTML report is looked at in",
    },
    Package { name: "faketime", needs: &["faketime"], why: "days that pass in a test's seconds" },
    Package { name: "gcc", needs: &["cc"], why: "the linker of every Rust program" },
    Package { name: "xz-utils", needs: &["xz"], why: "Debian packs kernel modules with it" },
    Package { name: "libc6-dev", needs: &["/usr/include/stdio.h"], why: "what cc links with" },
];

/// Installs what the system tests need and is missing.
pub fn ensure(layout: &Layout) -> Result<()> {
    ensure_all(layout, &TABLE)
}

/// Installs the packages that are missing; all there takes no time and prints nothing.
pub fn ensure_all(layout: &Layout, table: &'static [Package]) -> Result<()> {
    let missing = missing(table);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    let why = missing.iter().map(|package| format!("{}: {}", package.name, package.why));
    let why = why.collect::<Vec<_>>().join(", ");
    apt::install(layout, &names, &why, &next(&missing))?;
    let left = self::missing(missing);
    let Some(first) = left.first() else { return Ok(()) };
    let why = format!("apt is done, but {} is not there", absent(first).join(", "));
    Err(Failure::new(format!("installing {}", first.name), why, next(&left)))
}

fn missing<'a>(table: impl IntoIterator<Item = &'a Package>) -> Vec<&'a Package> {
    table.into_iter().filter(|package| !absent(package).is_empty()).collect()
}

fn next(missing: &[&Package]) -> String {
    let absent: Vec<_> = missing.iter().flat_map(|package| absent(package)).collect();
    format!("put {} there by hand and run this again", absent.join(", "))
}

fn absent(package: &Package) -> Vec<&'static str> {
    package.needs.iter().copied().filter(|need| !is_there(need)).collect()
}

/// Whether a file, or a program by its name, is there.
pub fn is_there(need: &str) -> bool {
    if need.starts_with('/') {
        return Path::new(need).exists();
    }
    program_dirs().any(|dir| dir.join(need).is_file())
}

/// PATH, and the sbin directories that a plain user's PATH lacks.
fn program_dirs() -> impl Iterator<Item = std::path::PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let listed: Vec<_> = env::split_paths(&path).collect();
    listed.into_iter().chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(Into::into))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(needs: &'static [&'static str], expected: &[&str]) {
        let package = Package { name: "p", needs, why: "w" };
        assert_eq!(absent(&package), expected);
        assert_eq!(missing(&[package]).len(), usize::from(!expected.is_empty()));
    }

    #[test]
    fn looks_for_programs_and_files() {
        check(&["sh", "/bin/sh"], &[]);
        check(&["sh", "no-such-program"], &["no-such-program"]);
        check(&["/no/such/file"], &["/no/such/file"]);
    }
}
