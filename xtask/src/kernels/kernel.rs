//! A kernel and the modules that a guest loads, out of Debian's packages.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{Failure, OrFail, Result},
    kernels::{archive::Archive, release::Release, sites::Sites, tool},
    layout::{self, Layout},
};

/// Not built into a cloud kernel. clsact is part of the first; the guest loads them in this order.
const MODULES: [&str; 5] = ["sch_ingress", "cls_bpf", "veth", "dummy", "tun"];
const NEXT: &str = "remove target/kernels/linux and run this again";
/// In a kernel's directory.
const IMAGE: &str = "vmlinuz";

/// Ready to boot.
pub struct Kernel {
    /// What `uname -r` says in it.
    pub uname: String,
    /// The compressed image.
    pub image: PathBuf,
    /// File names in the order to load them, with what is in them. None from 6.19 to 7.1: their
    /// modules package is gone from the archive.
    pub modules: Vec<(String, Vec<u8>)>,
}

/// The kernels to be had, and those here already.
pub struct Kernels {
    archive: Archive,
    packages: Vec<String>,
    dir: PathBuf,
}

impl Kernels {
    /// Finds the archive and reads what it has.
    pub fn open(layout: &Layout) -> Result<Self> {
        let archive = Sites::ask(&Archive::of_machine(layout)?)?.kernels(layout)?;
        let mut kernels =
            Self { archive, packages: Vec::new(), dir: super::dir(layout).join("linux") };
        kernels.read()?;
        Ok(kernels)
    }

    /// Reads the archive's lists anew.
    pub fn refresh(&mut self) -> Result<()> {
        self.archive.refresh()?;
        self.read()
    }

    /// All that the archive has.
    pub fn releases(&self) -> Vec<Release> {
        self.packages.iter().filter_map(|package| Release::of_package(package)).collect()
    }

    /// The kernel, downloaded unless it is here.
    pub fn fetch(&self, release: &Release) -> Result<Kernel> {
        let dir = self.dir.join(release.name());
        if !dir.exists() {
            self.download(release, &dir)?;
        }
        let what = format!("reading {}", dir.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(dir.join("modules")).or_fail(&what, NEXT)? {
            files.push(entry.or_fail(&what, NEXT)?.path());
        }
        files.sort();
        let module = |file: PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, fs::read(file).or_fail(&what, NEXT)?))
        };
        let modules = files.into_iter().map(module).collect::<Result<_>>()?;
        Ok(Kernel { uname: release.uname(), image: dir.join(IMAGE), modules })
    }

    fn read(&mut self) -> Result<()> {
        let pattern = "^linux-(image|binary|modules)-[0-9].*-cloud-amd64$";
        let text = self.archive.read("apt-cache", &["search", "--names-only", pattern])?;
        self.packages = text.lines().map(|line| first_word(line).to_owned()).collect();
        Ok(())
    }

    /// Into a sibling that is renamed, so that no half-done directory is taken for a kernel.
    fn download(&self, release: &Release, dir: &Path) -> Result<()> {
        let (tree, partial) =
            (dir.with_added_extension("tree"), dir.with_added_extension("partial"));
        for left in [&tree, &partial] {
            let _not_there = fs::remove_dir_all(left);
        }
        let packages: Vec<_> =
            release.packages().into_iter().filter(|name| self.packages.contains(name)).collect();
        self.archive.unpack(&packages, &tree)?;
        layout::make_dir(&partial.join("modules"))?;
        take(release, &tree, &partial)?;
        fs::remove_dir_all(&tree).or_fail("tidying up", NEXT)?;
        fs::rename(&partial, dir).or_fail(format!("making {}", dir.display()), NEXT)
    }
}

/// Copies the image and the wanted modules out of an unpacked package.
fn take(release: &Release, tree: &Path, into: &Path) -> Result<()> {
    let modules = find_dir(tree, &release.uname());
    let images = [
        Some(tree.join("boot").join(format!("vmlinuz-{}", release.uname()))),
        modules.as_ref().map(|dir| dir.join("vmlinuz")),
    ];
    let Some(image) = images.into_iter().flatten().find(|path| path.exists()) else {
        let why = "its packages hold no vmlinuz";
        return Err(Failure::new(format!("unpacking {}", release.name()), why, NEXT));
    };
    fs::copy(&image, into.join(IMAGE)).or_fail(format!("copying {}", image.display()), NEXT)?;
    let Some(modules) = modules.map(|dir| dir.join("kernel")) else { return Ok(()) };
    for (place, name) in MODULES.iter().enumerate() {
        let Some(packed) = find_module(&modules, name) else { continue };
        let file = into.join("modules").join(format!("{place}-{name}.ko"));
        fs::write(&file, unpack(&packed)?).or_fail(format!("writing {}", file.display()), NEXT)?;
    }
    Ok(())
}

fn find_dir(tree: &Path, uname: &str) -> Option<PathBuf> {
    let dirs = ["lib/modules", "usr/lib/modules"];
    dirs.map(|dir| tree.join(dir).join(uname)).into_iter().find(|dir| dir.is_dir())
}

fn find_module(dir: &Path, name: &str) -> Option<PathBuf> {
    let file = |entry: &Path| {
        let entry = entry.file_name()?.to_str()?;
        Some(entry.strip_prefix(name)?.starts_with(".ko"))
    };
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.is_dir());
    let here = files.into_iter().find(|entry| file(entry) == Some(true));
    here.or_else(|| dirs.iter().find_map(|dir| find_module(dir, name)))
}

/// Kernels before 5.17 cannot unpack a module themselves.
fn unpack(module: &Path) -> Result<Vec<u8>> {
    let what = format!("unpacking {}", module.display());
    match module.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => fs::read(module).or_fail(what, NEXT),
        Some("xz") => tool::bytes(&what, Command::new("xz").arg("-dc").arg(module)),
        _ => Err(Failure::new(what, "its compression is unknown", "teach it to kernel.rs")),
    }
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        let release = Release::of_package("linux-image-7.2.13+deb14-cloud-amd64").unwrap();
        let (tree, into) = (dir.path().join("tree"), dir.path().join("into"));
        fs::create_dir_all(into.join("modules")).unwrap();
        for file in files {
            let file = tree.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, file.file_name().unwrap().to_str().unwrap()).unwrap();
        }
        take(&release, &tree, &into).unwrap();
        assert!(fs::read_to_string(into.join(IMAGE)).unwrap().starts_with("vmlinuz"));
        let module = fs::read_to_string(into.join("modules/2-veth.ko")).unwrap();
        assert_eq!(module, "veth.ko");
    }

    #[test]
    fn takes_image_and_modules_from_either_layout() {
        const NAME: &str = "7.2.13+deb14-cloud-amd64";
        check(&[
            &format!("boot/vmlinuz-{NAME}"),
            &format!("lib/modules/{NAME}/kernel/drivers/net/veth.ko"),
            &format!("lib/modules/{NAME}/kernel/drivers/net/vethx.ko"),
        ]);
        check(&[
            &format!("usr/lib/modules/{NAME}/vmlinuz"),
            &format!("usr/lib/modules/{NAME}/kernel/drivers/net/veth.ko"),
        ]);
    }
}
