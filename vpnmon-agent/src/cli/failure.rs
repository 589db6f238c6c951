//! How a command fails: one line and an exit code.

use std::{fmt, io};

use crate::{control::client::NoAgent, escape::escaped};

/// A result whose error ends the program.
pub type Result<T> = std::result::Result<T, Failure>;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NO_AGENT: u8 = 3;

/// What to say and how to exit.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
    broken_pipe: bool,
}

impl Failure {
    /// Wrong usage, or a bad configuration file.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::with_code(USAGE, message)
    }

    /// With an exit code of the contract.
    pub fn with_code(code: u8, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), broken_pipe: false }
    }

    /// The exit code.
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// Whether the reader of our output has left, as `head` does.
    pub const fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line that only shows, whatever a name or a cause puts into its text.
        let lines: Vec<_> = self.message.lines().map(str::trim).collect();
        f.write_str(&escaped(&lines.join(" ")))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::with_code(FAILED, format_args!("{error:#}"))
    }
}

impl From<NoAgent> for Failure {
    fn from(error: NoAgent) -> Self {
        let code = if matches!(error, NoAgent::NotRunning(_)) { NO_AGENT } else { FAILED };
        Self::with_code(code, error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::with_code(FAILED, format_args!("cannot print: {error}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line_that_only_shows() {
        let failure = Failure::usage("no account \x1b[2J\u{202e}x;\n  name another");
        assert_eq!(failure.to_string(), "no account \\x1b[2J\\u{202e}x; name another");
    }
}
