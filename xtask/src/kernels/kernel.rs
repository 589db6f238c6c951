//! A kernel and the modules that a guest loads, out of Debian's packages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    failure::{OrFail, Result},
    kernels::{
        archive::Archive,
        release::Release,
        sites::{self, Sites},
        tree,
    },
    layout::{self, Layout},
};

/// Where a kernel's directory is damaged.
pub const NEXT: &str = "remove target/kernels/linux and run this again";
/// In a kernel's directory.
pub const IMAGE: &str = "vmlinuz";

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
        let sites = Sites::ask(&Archive::of_machine(layout)?)?;
        let archive = sites.archive(layout, "kernels", &sites::KERNELS)?;
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
        let (unpacked, partial) =
            (dir.with_added_extension("tree"), dir.with_added_extension("partial"));
        for left in [&unpacked, &partial] {
            let _not_there = fs::remove_dir_all(left);
        }
        let packages: Vec<_> =
            release.packages().into_iter().filter(|name| self.packages.contains(name)).collect();
        self.archive.unpack(&packages, "17 to 40 MB", &unpacked)?;
        layout::make_dir(&partial.join("modules"))?;
        tree::take(release, &unpacked, &partial)?;
        fs::remove_dir_all(&unpacked).or_fail("tidying up", NEXT)?;
        fs::rename(&partial, dir).or_fail(format!("making {}", dir.display()), NEXT)
    }
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}
