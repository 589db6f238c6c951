//! The package's tree before it is packed.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Build, PACKAGE, output};
use crate::{
    failure::{Failure, OrFail, Result},
    layout,
};

const NEXT: &str = "check permissions and free space of target/deb";
const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// A directory whose files become the package's.
pub struct Stage {
    root: PathBuf,
    /// Relative to the root, in the order in which they came.
    files: Vec<String>,
    bytes: u64,
}

impl Stage {
    /// An empty one.
    pub fn new(root: PathBuf) -> Result<Self> {
        if root.exists() {
            fs::remove_dir_all(&root).or_fail(format!("emptying {}", root.display()), NEXT)?;
        }
        layout::make_dir(&root)?;
        let stage = Self { root, files: Vec::new(), bytes: 0 };
        set_mode(&stage.root, 0o755)?;
        Ok(stage)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file, by its place without the leading `/`.
    pub fn file(&mut self, place: &str, bytes: &[u8], mode: u32) -> Result<()> {
        self.write(place, bytes, mode)?;
        self.files.push(place.to_owned());
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// A file in the compressed form that Debian wants for documents; without a time in it.
    pub fn gzipped(&mut self, place: &str, text: &str) -> Result<()> {
        let what = format!("compressing {place}");
        let next = "install gzip";
        let mut gzip = Command::new("gzip")
            .args(["-9n"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .or_fail(&what, next)?;
        let mut stdin = gzip.stdin.take().ok_or_else(|| Failure::new(&what, "no pipe", next))?;
        let text = text.to_owned();
        // Another thread: gzip may fill its output before it has read all of its input.
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let packed = gzip.wait_with_output().or_fail(&what, next)?;
        let written = writer.join().map_err(|_| Failure::new(&what, "the writer is gone", next))?;
        written.or_fail(&what, next)?;
        self.file(place, &packed.stdout, 0o644)
    }

    /// A symbolic link.
    pub fn link(&mut self, place: &str, to: &str) -> Result<()> {
        let path = self.path(place)?;
        symlink(to, &path).or_fail(format!("linking {place}"), NEXT)
    }

    /// Everything that dpkg reads: control, scripts, sums.
    pub fn control(&mut self, build: &Build<'_>) -> Result<()> {
        let sums = self.sums()?;
        self.write("DEBIAN/md5sums", sums.as_bytes(), 0o644)?;
        self.write("DEBIAN/conffiles", b"/etc/vpnmon/config.toml\n", 0o644)?;
        let kib = self.bytes.div_ceil(1024);
        let text = control(build.version, build.architecture, kib);
        self.write("DEBIAN/control", text.as_bytes(), 0o644)?;
        for script in SCRIPTS {
            let source = build.layout.root.join("packaging").join(script);
            let bytes = fs::read(&source).or_fail(format!("reading {}", source.display()), NEXT)?;
            self.write(&format!("DEBIAN/{script}"), &bytes, 0o755)?;
        }
        Ok(())
    }

    fn sums(&self) -> Result<String> {
        let mut command = Command::new("md5sum");
        command.args(&self.files).current_dir(&self.root);
        Ok(output("summing the files up", "install coreutils", &mut command)? + "\n")
    }

    fn write(&self, place: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let path = self.path(place)?;
        fs::write(&path, bytes).or_fail(format!("writing {}", path.display()), NEXT)?;
        set_mode(&path, mode)
    }

    /// Where a file goes, its directories made, readable by everybody whatever the umask.
    fn path(&self, place: &str) -> Result<PathBuf> {
        let path = self.root.join(place);
        let mut dir = self.root.clone();
        for part in Path::new(place).parent().into_iter().flat_map(Path::components) {
            dir.push(part);
            layout::make_dir(&dir)?;
            set_mode(&dir, 0o755)?;
        }
        Ok(path)
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, permissions).or_fail(format!("writing {}", path.display()), NEXT)
}

fn control(version: &str, architecture: &str, kib: u64) -> String {
    format!(
        "Package: {PACKAGE}\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: The vpnmon developers <vpnmon@localhost>\n\
         Installed-Size: {kib}\n\
         Depends: init-system-helpers, passwd, procps\n\
         Recommends: ca-certificates\n\
         Suggests: wireguard-tools\n\
         Section: net\n\
         Priority: optional\n\
         Description: counts, shows and limits what each VPN user of a server moves\n \
         Small eBPF programs in the kernel count the bytes of every user of SSH tunnels,\n \
         of Xray and of tunnels such as WireGuard, by account, and go on counting while\n \
         the agent is stopped, killed or upgraded.\n \
         .\n \
         It needs Linux 5.10 or newer with cgroup2 mounted.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_has_sums_of_its_files_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(dir.path().join("root")).unwrap();
        stage.file("usr/bin/a", b"a\n", 0o755).unwrap();
        stage.link("usr/bin/b", "a").unwrap();
        assert_eq!(stage.sums().unwrap(), "60b725f10c9c85c70d97880dfe8191b3  usr/bin/a\n");
        let mode = fs::metadata(stage.root().join("usr/bin/a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
    }

    #[test]
    fn a_document_is_compressed_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(dir.path().join("root")).unwrap();
        let text = "0123456789abcdef\n".repeat(100_000);
        stage.gzipped("doc/x.gz", &text).unwrap();
        let mut gunzip = Command::new("gzip");
        gunzip.arg("-dc").arg(stage.root().join("doc/x.gz"));
        assert_eq!(output("x", "y", &mut gunzip).unwrap(), text.trim_end());
    }

    #[test]
    fn a_description_has_no_line_that_ends_it() {
        let text = control("1.2", "amd64", 3);
        let (_, description) = text.split_once("Description: ").unwrap();
        assert!(description.lines().skip(1).all(|line| line.starts_with(' ')), "{text}");
        assert!(text.ends_with('\n'));
    }
}
