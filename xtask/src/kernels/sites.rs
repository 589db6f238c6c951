//! Where the machine's apt gets Debian from. No mirror is named here: apt is asked.

use std::path::Path;

use crate::{
    failure::{Failure, Result},
    kernels::archive::Archive,
    layout::Layout,
};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const FORMAT: &str = "$(ORIGIN)|$(LABEL)|$(SITE)";

/// Suites of the two Debian archives.
pub struct Suites {
    pub main: &'static [&'static str],
    pub security: &'static [&'static str],
}

/// Every suite with a cloud kernel of 5.10 or later.
pub const KERNELS: Suites = Suites {
    main: &["bookworm", "bookworm-updates", "trixie", "trixie-updates", "trixie-backports", "sid"],
    security: &["bullseye-security", "bookworm-security", "trixie-security"],
};

/// The base addresses of the two Debian archives, in apt's words; any method apt knows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sites {
    main: Option<String>,
    security: Option<String>,
}

impl Sites {
    /// Asks the apt of `machine`.
    pub fn ask(machine: &Archive) -> Result<Self> {
        let sites = Self::parse(&machine.read("apt-get", &["indextargets", "--format", FORMAT])?);
        if sites == Self::default() {
            let why = "apt has no source of Debian's own packages";
            let next = "add one, with debian-archive-keyring, or run this on Debian";
            return Err(Failure::new("looking for Debian", why, next));
        }
        Ok(sites)
    }

    /// Where Debian's own packages are.
    pub fn main(&self) -> Result<&str> {
        self.main.as_deref().ok_or_else(|| {
            let why = "apt has no source of Debian's main archive";
            Failure::new("looking for Debian", why, "add one, or run this on Debian")
        })
    }

    fn parse(targets: &str) -> Self {
        let mut sites = Self::default();
        for target in targets.lines() {
            let mut fields = target.splitn(3, '|');
            let place = match (fields.next(), fields.next()) {
                (Some("Debian"), Some("Debian")) => &mut sites.main,
                (Some("Debian"), Some("Debian-Security")) => &mut sites.security,
                _ => continue,
            };
            if place.is_none() {
                *place = fields.next().map(str::to_owned);
            }
        }
        sites
    }

    /// A sources.list of these suites.
    fn sources(&self, suites: &Suites) -> String {
        let line = |site: &str, suite: &str| {
            format!("deb [arch=amd64 target=Packages signed-by={KEYRING}] {site} {suite} main\n")
        };
        let of = |site: &Option<String>, suites: &[&str]| -> String {
            let lines = |site: &String| suites.iter().map(|suite| line(site, suite)).collect();
            site.as_ref().map_or_else(String::new, lines)
        };
        of(&self.main, suites.main) + &of(&self.security, suites.security)
    }

    /// An archive of some suites, to be kept as `name`.
    pub fn archive(&self, layout: &Layout, name: &'static str, suites: &Suites) -> Result<Archive> {
        if !Path::new(KEYRING).exists() {
            let (what, why) = (format!("fetching {name}"), format!("{KEYRING} is missing"));
            return Err(Failure::new(what, why, "install debian-archive-keyring"));
        }
        Archive::of_sources(layout, name, &self.sources(suites))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(targets: &str, main: Option<&str>, security: Option<&str>) {
        let (main, security) = (main.map(str::to_owned), security.map(str::to_owned));
        assert_eq!(Sites::parse(targets), Sites { main, security });
    }

    #[test]
    fn picks_debian_out_of_apts_sources() {
        let security = "Debian|Debian-Security|mirror+file:/etc/apt/mirrors/s.list\n";
        check(
            &format!("Docker|Docker CE|https://d.test\n{security}Debian|Debian|http://a.test/d\n"),
            Some("http://a.test/d"),
            Some("mirror+file:/etc/apt/mirrors/s.list"),
        );
        check(
            "Debian|Debian|http://a.test\nDebian|Debian|http://b.test\n",
            Some("http://a.test"),
            None,
        );
        check("Debian Backports|Debian Backports|http://a.test\n", None, None);
        check("Ubuntu|Ubuntu|http://u.test\n$(ORIGIN)|$(LABEL)|http://x.test\n", None, None);
        check("", None, None);
    }

    #[test]
    fn lists_suites_of_the_sites_there_are() {
        let sites = Sites { main: None, security: Some("http://s.test".to_owned()) };
        let sources = sites.sources(&KERNELS);
        assert_eq!(sources.lines().count(), 3);
        assert!(sources.lines().all(|line| line.contains("signed-by=")), "{sources}");
        assert!(sources.contains("http://s.test bullseye-security main"), "{sources}");
    }
}
