//! The command line as it was typed: read, or refused in one line.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser as _, error::ErrorKind};

use super::{Cli, Failure, Result};

/// A command line, or its answer where that is only a text.
pub enum Line {
    Command(Box<Cli>),
    Printed(ExitCode),
}

/// Reads it.
pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Line> {
    let error = match Cli::try_parse_from(line) {
        Ok(cli) => return Ok(Line::Command(Box::new(cli))),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            error.print()?;
            Ok(Line::Printed(ExitCode::SUCCESS))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            write!(io::stderr(), "{}", error.render())?;
            Ok(Line::Printed(ExitCode::from(2)))
        }
        _ => Err(Failure::usage(in_one_line(&error.render().to_string()))),
    }
}

/// `error: unexpected argument '--x' found`, tips and usage in several paragraphs become one line
/// with the next step.
fn in_one_line(text: &str) -> String {
    let (said, usage) = text.split_once("Usage:").unwrap_or((text, ""));
    let said = said.split_once("For more information").map_or(said, |(said, _)| said);
    let parts = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut said = parts.collect::<Vec<_>>().join("; ").replace(":;", ":");
    if let Some(rest) = said.strip_prefix("error: ") {
        said = rest.to_owned();
    }
    let command = usage.trim_start().lines().next().unwrap_or_default();
    let words = command.split_whitespace().take_while(|word| !word.starts_with(['[', '<', '-']));
    let command = words.collect::<Vec<_>>().join(" ");
    let command = if command.is_empty() { "vpnmon-agent".to_owned() } else { command };
    format!("{said}; `{command} --help` shows what there is")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let words = line.split_whitespace().map(OsString::from);
        let Err(failure) = read(words) else { panic!("{line} was taken") };
        assert_eq!(failure.code(), 2);
        assert_eq!(failure.to_string(), expected);
    }

    #[test]
    fn wrong_usage_is_one_line_with_the_next_step() {
        check(
            "vpnmon-agent status --jsn",
            "unexpected argument '--jsn' found; tip: a similar argument exists: '--json'; \
             `vpnmon-agent status --help` shows what there is",
        );
        check(
            "vpnmon-agent limit set bob 5X",
            "invalid value '5X' for '<SIZE>': use a number and B, K, M, G or T, such as 1.5GiB; \
             `vpnmon-agent --help` shows what there is",
        );
        check(
            "vpnmon-agent limit set bob",
            "the following required arguments were not provided: <SIZE>; \
             `vpnmon-agent limit set --help` shows what there is",
        );
        check(
            "vpnmon-agent stats",
            "unrecognized subcommand 'stats'; tip: a similar subcommand exists: 'status'; \
             `vpnmon-agent --help` shows what there is",
        );
    }

    #[test]
    fn help_is_printed() {
        for line in ["vpnmon-agent --version", "vpnmon-agent"] {
            let words = line.split_whitespace().map(OsString::from);
            assert!(matches!(read(words), Ok(Line::Printed(_))), "{line}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
