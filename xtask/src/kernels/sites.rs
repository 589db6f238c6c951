//! Where the machine's apt gets Debian from. No mirror is named here: apt is asked.

use std::path::Path;

use crate::{
    failure::{Failure, Result},
    kernels::archive::Archive,
    layout::Layout,
};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const FORMAT: &str = "$(ORIGIN)|$(LABEL)|$(SITE)";

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
            return Err(Failure::new("looking for kernels", why, next));
        }
        Ok(sites)
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

    /// A sources.list of every suite with a cloud kernel of 5.10 or later.
    fn sources(&self) -> String {
        const MAIN: [&str; 6] =
            ["bookworm", "bookworm-updates", "trixie", "trixie-updates", "trixie-backports", "sid"];
        const SECURITY: [&str; 3] = ["bullseye-security", "bookworm-security", "trixie-security"];
        let line = |site: &str, suite: &str| {
            format!("deb [arch=amd64 target=Packages signed-by={KEYRING}] {site} {suite} main\n")
        };
        let of = |site: &Option<String>, suites: &[&str]| -> String {
            let lines = |site: &String| suites.iter().map(|suite| line(site, suite)).collect();
            site.as_ref().map_or_else(String::new, lines)
        };
        of(&self.main, &MAIN) + &of(&self.security, &SECURITY)
    }

    /// The archive of kernels.
    pub fn kernels(&self, layout: &Layout) -> Result<Archive> {
        if !Path::new(KEYRING).exists() {
            let next = "install debian-archive-keyring";
            return Err(Failure::new("fetching kernels", format!("{KEYRING} is missing"), next));
        }
        Archive::of_sources(layout, "kernels", &self.sources())
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
        let sources = sites.sources();
        assert_eq!(sources.lines().count(), 3);
        assert!(sources.lines().all(|line| line.contains("signed-by=")), "{sources}");
        assert!(sources.contains("http://s.test bullseye-security main"), "{sources}");
    }
}
