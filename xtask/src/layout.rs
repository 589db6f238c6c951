//! Where things are in the working tree and in the user's cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::failure::{Failure, OrFail, Result};

/// The places that xtask reads and writes.
pub struct Layout {
    /// The top of the repository.
    pub root: PathBuf,
    /// `target` of the workspace; always this one, whatever CARGO_TARGET_DIR says, because the
    /// agent's build.rs looks for the BPF object there.
    pub target: PathBuf,
    /// Per-user and outside the clone, so that a second clone builds no linker again.
    pub cache: PathBuf,
}

impl Layout {
    /// Finds the repository from cargo's word on where this package is.
    pub fn find() -> Result<Self> {
        // Cargo's variable first: a working tree that was moved still holds the old compiled path.
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().map(Path::to_path_buf).ok_or_else(|| {
            Failure::new("finding the repository", "xtask has no parent", "call `cargo xtask`")
        })?;
        let cache = cache_home(env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::home_dir())?;
        Ok(Self { target: root.join("target"), root, cache: cache.join("vpnmon") })
    }

    /// The log file of a step, its directory made.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        let dir = self.target.join("xtask-logs");
        make_dir(&dir)?;
        Ok(dir.join(format!("{name}.log")))
    }

    /// A finished BPF object.
    pub fn bpf_object(&self, name: &str) -> PathBuf {
        self.target.join("bpf").join(name)
    }

    /// The agent, by cargo's name of the directory: `release` or `debug`.
    pub fn agent(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join("vpnmon-agent")
    }
}

/// Makes a directory and those above it.
pub fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)
        .or_fail(format!("making {}", dir.display()), "check its permissions and free space")
}

fn cache_home(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf> {
    // The XDG specification: a relative path is to be ignored.
    xdg.filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| home.join(".cache")))
        .ok_or_else(|| Failure::new("finding the cache", "no home directory", "set HOME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(xdg: Option<&str>, home: Option<&str>, expected: Option<&str>) {
        let found = cache_home(xdg.map(PathBuf::from), home.map(PathBuf::from)).ok();
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn cache_follows_xdg_then_home() {
        check(Some("/x"), Some("/home/u"), Some("/x"));
        check(Some("relative"), Some("/home/u"), Some("/home/u/.cache"));
        check(None, Some("/srv/u"), Some("/srv/u/.cache"));
        check(None, None, None);
    }
}
