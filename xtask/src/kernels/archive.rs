//! A private apt: the machine's keys, proxies and passwords, but lists and cache of its own.
//!
//! Nothing is installed, the machine's lists stay as they are, and no root is needed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{OrFail, Result},
    interrupt,
    kernels::tool,
    layout::{self, Layout},
    step,
};

/// A directory that apt works in instead of /var.
pub struct Archive {
    name: &'static str,
    dir: PathBuf,
    log: PathBuf,
}

impl Archive {
    /// The archives that the machine itself installs from.
    pub fn of_machine(layout: &Layout) -> Result<Self> {
        Self::open(layout, "machine", None)
    }

    /// The archives of `sources`, lines of a sources.list.
    pub fn of_sources(layout: &Layout, name: &'static str, sources: &str) -> Result<Self> {
        Self::open(layout, name, Some(sources))
    }

    fn open(layout: &Layout, name: &'static str, sources: Option<&str>) -> Result<Self> {
        let dir = super::dir(layout).join("apt").join(name);
        for sub in ["state/lists/partial", "cache/archives/partial"] {
            layout::make_dir(&dir.join(sub))?;
        }
        let archive = Self { name, dir, log: layout.log(&format!("apt-{name}"))? };
        let mut changed = archive.write("apt.conf", &archive.configuration(sources.is_some()))?;
        if let Some(sources) = sources {
            changed |= archive.write("sources.list", sources)?;
        }
        if changed || !archive.updated().exists() {
            archive.refresh()?;
        }
        Ok(archive)
    }

    /// Reads the lists anew. A broken source must not hide the others, so a failure is only told.
    pub fn refresh(&self) -> Result<()> {
        let step = format!("reading the package lists ({})", self.name);
        match step::logged(
            &step,
            "about 10 s",
            &self.log,
            &mut self.command("apt-get", &["update"]),
        ) {
            Ok(()) => {
                fs::write(self.updated(), "").or_fail(step, "check the permissions of target")
            }
            Err(failure) => {
                interrupt::check(&step)?;
                eprintln!("{failure}; going on with the lists at hand");
                Ok(())
            }
        }
    }

    /// What an apt program prints.
    pub fn read(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let what = format!("asking {program} ({})", self.name);
        tool::text(&what, &mut self.command(program, arguments))
    }

    /// Downloads and unpacks `packages` below `into`, which `about` says the size of.
    pub fn unpack(&self, packages: &[String], about: &str, into: &Path) -> Result<()> {
        let debs = into.join("debs");
        layout::make_dir(&debs)?;
        let names: Vec<_> = packages.iter().map(String::as_str).collect();
        let mut command = self.command("apt-get", &[&["download"], &names[..]].concat());
        let step = format!("fetching {}", short_list(packages));
        step::logged(&step, about, &self.log, command.current_dir(&debs))?;
        let next = format!("remove {} and run this again", into.display());
        for deb in fs::read_dir(&debs).or_fail(&step, &next)? {
            let mut command = Command::new("dpkg-deb");
            command.arg("-x").arg(deb.or_fail(&step, &next)?.path()).arg(into);
            tool::text("unpacking a package", &mut command)?;
        }
        fs::remove_dir_all(&debs).or_fail(&step, next)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        // Not APT_CONFIG: that is read first, and the machine's own files would overrule it.
        command.arg("-c").arg(self.dir.join("apt.conf")).args(arguments);
        command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        command.env_remove("LD_LIBRARY_PATH");
        command
    }

    fn configuration(&self, own_sources: bool) -> String {
        let dir = self.dir.display();
        let sources = format!(
            "Dir::Etc::sourcelist \"{dir}/sources.list\";\nDir::Etc::sourceparts \"/dev/null\";\n\
             Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n\
             Dir::State::status \"/dev/null\";\n"
        );
        // The user _apt may not be able to enter the clone; hooks are for the machine's lists.
        format!(
            "Dir::State \"{dir}/state\";\nDir::Cache \"{dir}/cache\";\n{}\
             APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n\
             #clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n\
             #clear APT::Update::Post-Invoke-Success;\n",
            if own_sources { &sources } else { "" }
        )
    }

    fn updated(&self) -> PathBuf {
        self.dir.join("updated")
    }

    /// Whether the file was another one before.
    fn write(&self, name: &str, text: &str) -> Result<bool> {
        let file = self.dir.join(name);
        if fs::read_to_string(&file).is_ok_and(|old| old == text) {
            return Ok(false);
        }
        let what = format!("writing {}", file.display());
        fs::write(&file, text).or_fail(what, "check its permissions and free space")?;
        Ok(true)
    }
}

fn short_list(packages: &[String]) -> String {
    match packages {
        [first, _, _, _, ..] => format!("{first} and {} more packages", packages.len() - 1),
        few => few.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(packages: &[&str], expected: &str) {
        let packages: Vec<_> = packages.iter().map(ToString::to_string).collect();
        assert_eq!(short_list(&packages), expected);
    }

    #[test]
    fn long_lists_are_cut() {
        check(&["a"], "a");
        check(&["a", "b", "c"], "a, b, c");
        check(&["a", "b", "c", "d"], "a and 3 more packages");
    }
}
