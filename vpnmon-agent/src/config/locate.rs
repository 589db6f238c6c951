//! From an error of the TOML reader to the line and the key it is about.

use std::{ops::Range, path::Path};

use toml::de::{DeTable, Error};

use super::error::ConfigError;

/// The sections, in the order they are documented.
pub const SECTIONS: [&str; 10] = [
    "agent", "meter", "ssh", "xray", "forward", "hosts", "history", "enforce", "metrics", "notify",
];

/// What serde and the readers put between what is wrong and what is allowed.
const EXPECTED: &str = ", expected ";

/// A config file that was read.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// Its path.
    pub file: &'a Path,
    /// Its text.
    pub text: &'a str,
}

impl Document<'_> {
    /// What is no TOML.
    pub fn syntax(&self, error: &Error) -> ConfigError {
        let (wrong, expected) = split(error.message());
        let allowed = expected.map(|expected| format!("expected {expected}"));
        let wrong = format!("not TOML: {wrong}");
        self.wrong(&error.span().unwrap_or_default(), None, wrong, allowed.unwrap_or_default())
    }

    /// A value of `table` that was refused.
    pub fn value(&self, table: &DeTable<'_>, error: &Error) -> ConfigError {
        let span = error.span().unwrap_or_default();
        let key = path(table, &span);
        let (wrong, expected) = split(error.message());
        let allowed = expected.map(|expected| format!("use {}", expected.replace('`', "")));
        let wrong = match (&key, wrong.starts_with("unknown field")) {
            (Some(key), true) if !key.contains('.') => "unknown section",
            (_, true) => "unknown key",
            (_, false) => wrong,
        };
        self.wrong(&span, key, wrong, allowed.unwrap_or_default())
    }

    /// An error that starts where `span` does.
    pub fn wrong(
        &self,
        span: &Range<usize>,
        key: Option<String>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) -> ConfigError {
        ConfigError::Wrong {
            file: self.file.to_owned(),
            line: self.line(span.start),
            key,
            wrong: wrong.into(),
            allowed: allowed.into(),
        }
    }

    /// Line of the byte at `offset`; the end of the text belongs to its last line.
    fn line(&self, offset: usize) -> usize {
        let last = self.text.len().saturating_sub(1);
        let before = self.text.as_bytes().iter().take(offset.min(last));
        1 + before.filter(|byte| **byte == b'\n').count()
    }
}

/// Where the value of `section.key` stands.
pub fn value(table: &DeTable<'_>, section: &str, key: &str) -> Option<Range<usize>> {
    let section = table.get(section)?.get_ref().as_table()?;
    section.get(key).map(toml::Spanned::span)
}

/// The path of what stands at `span`: `section.key`, or a section alone.
fn path(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
    table.iter().find_map(|(section, value)| {
        let name = section.get_ref();
        let key = value.get_ref().as_table().and_then(|keys| key(keys, span));
        match key {
            Some(key) => Some(format!("{name}.{key}")),
            None => (section.span() == *span).then(|| name.to_string()),
        }
    })
}

fn key<'a>(keys: &'a DeTable<'_>, span: &Range<usize>) -> Option<&'a str> {
    let here = |place: Range<usize>| place.start <= span.start && span.end <= place.end;
    keys.iter().find_map(|(name, value)| {
        // A table with a header of its own stands below it, not in it.
        let below = || value.get_ref().as_table().is_some_and(|keys| key(keys, span).is_some());
        let is_it = name.span() == *span || here(value.span()) || below();
        is_it.then_some(name.get_ref().as_ref())
    })
}

fn split(message: &str) -> (&str, Option<&str>) {
    match message.rsplit_once(EXPECTED) {
        Some((wrong, expected)) => (wrong, Some(expected)),
        None => (message, None),
    }
}
