//! The old panel's commands: the same binary, called by another name.

use std::{
    ffi::{OsStr, OsString},
    io::IsTerminal as _,
    path::Path,
};

use super::{Failure, Result};

const PROGRAM: &str = "vpnmon-agent";

const HELP: &str = "\
cek-bw-limit: bandwidth of users, by vpnmon-agent

  cek-bw-limit set USER MB    limit a user, in MiB; 0 is unlimited
  cek-bw-limit usage USER     what a user has used
  cek-bw-limit reset USER     usage of a user back to 0
  cek-bw-limit check          all users, the worst state first
  cek-bw-limit menu           the numbered menu

`vpnmon-agent --help` shows all that there is.
";

/// What the name and its arguments stand for.
#[derive(Debug, PartialEq, Eq)]
pub enum Called {
    /// This command line.
    Line(Vec<OsString>),
    /// A text to print.
    Help(&'static str),
}

/// Reads the name that the program was called by.
pub fn called(line: Vec<OsString>) -> Result<Called> {
    let is_screen = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    meant(line, is_screen)
}

fn meant(line: Vec<OsString>, is_screen: bool) -> Result<Called> {
    let name = line.first().map(Path::new).and_then(Path::file_name).and_then(OsStr::to_str);
    let rest = line.get(1..).unwrap_or_default();
    let command: &[&str] = match name {
        Some("cek-bw-limit") => return bandwidth(rest),
        Some("realtime-bandwidth") if is_screen => &["top"],
        Some("realtime-bandwidth") => &["status", "--watch"],
        Some("realtime-hosts") if is_screen => &["top", "--hosts"],
        Some("realtime-hosts") => &["hosts", "watch"],
        Some("capture-host") => &["hosts", "list", "--new"],
        Some("menu-captured-hosts") => &["menu", "hosts"],
        _ => return Ok(Called::Line(line)),
    };
    Ok(Called::Line(with(command, rest)))
}

fn bandwidth(rest: &[OsString]) -> Result<Called> {
    let Some((word, rest)) = rest.split_first() else { return Ok(Called::Help(HELP)) };
    let command: &[&str] = match word.to_str() {
        Some("help" | "-h" | "--help") => return Ok(Called::Help(HELP)),
        Some("set") => &["limit", "set"],
        Some("usage") => &["status"],
        Some("reset") => &["reset"],
        Some("check") => &["status", "--sort", "state"],
        Some("menu") => &["menu", "bandwidth"],
        _ => {
            let word = word.display();
            let message = format!("no command {word}; `cek-bw-limit` without one shows them");
            return Err(Failure::usage(message));
        }
    };
    Ok(Called::Line(with(command, rest)))
}

fn with(command: &[&str], rest: &[OsString]) -> Vec<OsString> {
    let command = std::iter::once(&PROGRAM).chain(command).map(OsString::from);
    command.chain(rest.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, is_screen: bool, expected: &str) {
        let line = line.split_whitespace().map(OsString::from).collect();
        let expected = expected.split_whitespace().map(OsString::from).collect();
        assert_eq!(meant(line, is_screen).unwrap(), Called::Line(expected));
    }

    #[test]
    fn old_names_are_todays_commands() {
        check("cek-bw-limit set bob 500", true, "vpnmon-agent limit set bob 500");
        check("/usr/bin/cek-bw-limit usage bob", true, "vpnmon-agent status bob");
        check("cek-bw-limit reset bob", false, "vpnmon-agent reset bob");
        check("cek-bw-limit check", true, "vpnmon-agent status --sort state");
        check("cek-bw-limit menu", true, "vpnmon-agent menu bandwidth");
        check("realtime-bandwidth", true, "vpnmon-agent top");
        check("realtime-bandwidth --json", false, "vpnmon-agent status --watch --json");
        check("realtime-hosts", true, "vpnmon-agent top --hosts");
        check("realtime-hosts", false, "vpnmon-agent hosts watch");
        check("capture-host", true, "vpnmon-agent hosts list --new");
        check("./menu-captured-hosts", true, "vpnmon-agent menu hosts");
        check("/usr/sbin/vpnmon-agent status", true, "/usr/sbin/vpnmon-agent status");
    }

    #[test]
    fn without_a_command_nothing_is_done() {
        let called = |words: &[&str]| meant(words.iter().map(OsString::from).collect(), true);
        assert_eq!(called(&["cek-bw-limit"]).unwrap(), Called::Help(HELP));
        assert_eq!(called(&["cek-bw-limit", "delete"]).unwrap_err().code(), 2);
    }
}
