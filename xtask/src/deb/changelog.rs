//! CHANGELOG.md in the form that Debian's tools read.

use std::{fmt::Write as _, process::Command};

use super::{Build, PACKAGE, output};
use crate::failure::Result;

/// The newest section, as the entry of this version.
pub fn debian(build: &Build<'_>, markdown: &str) -> Result<String> {
    let mut date = Command::new("date");
    date.args(["-R", "-u", "-d", &format!("@{}", build.committed_at)]).env("LC_ALL", "C");
    let date = output("writing the date", "install coreutils", &mut date)?;
    Ok(entry(build.version, &date, markdown))
}

fn entry(version: &str, date: &str, markdown: &str) -> String {
    let newest = markdown.split("\n## ").nth(1).unwrap_or_default();
    let mut text = format!("{PACKAGE} ({version}) stable; urgency=medium\n\n");
    for line in newest.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let _ = match line.strip_prefix("- ") {
            Some(item) => writeln!(text, "  * {item}"),
            None => writeln!(text, "    {}", line.trim_start()),
        };
    }
    text + &format!("\n -- The vpnmon developers <vpnmon@localhost>  {date}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_section_is_taken() {
        let markdown =
            "# Changelog\n\n## Unreleased\n\n- One\n  goes on.\n- Two\n\n## 0.0.1\n\n- No\n";
        let expected = "vpnmon (0.1.0) stable; urgency=medium\n\n  * One\n    goes on.\n  * Two\n\n \
                        -- The vpnmon developers <vpnmon@localhost>  D\n";
        assert_eq!(entry("0.1.0", "D", markdown), expected);
    }
}
