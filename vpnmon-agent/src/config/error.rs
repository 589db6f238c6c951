//! The one line a wrong config file is answered with.

use std::{
    fmt::{self, Display, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::escape::escaped;

/// Characters of the file that an error repeats at most.
const QUOTED: usize = 120;

/// Why a config file was not taken. Displays as one line, whatever the file holds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The file as a whole.
    #[error("{}: {why}", shown(file))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong and what is allowed.
        why: String,
    },
    /// Something in the file.
    #[error("{}:{line}: {}", shown(file), Wrong(key.as_deref(), wrong, allowed))]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// `section.key`, or the section; `None` for what is no TOML.
        key: Option<String>,
        /// What is wrong.
        wrong: String,
        /// What is allowed; empty where nothing can be said.
        allowed: String,
    },
}

impl ConfigError {
    pub(super) fn unreadable(file: &Path, why: impl Display) -> Self {
        Self::Unreadable { file: file.to_owned(), why: why.to_string() }
    }
}

fn shown(file: &Path) -> String {
    escaped(&file.to_string_lossy())
}

struct Wrong<'a>(Option<&'a str>, &'a str, &'a str);

impl Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(key, wrong, allowed) = self;
        if let Some(key) = key {
            write!(f, "{}: ", quoted(key))?;
        }
        f.write_str(&quoted(wrong))?;
        if allowed.is_empty() { Ok(()) } else { write!(f, "; {}", escaped(allowed)) }
    }
}

/// `text` on one line and not too long, for it may be anything.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        let _ = short.write_char('…');
    }
    escaped(&short)
}
