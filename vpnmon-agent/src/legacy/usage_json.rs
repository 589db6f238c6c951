//! `usage/<user>.json`, which the panel's `sed` has torn: read line by line and key by key.
//!
//! A value is taken where its key, the colon and its end are all there. Braces and commas may be
//! missing or too many; nothing else may.

use std::collections::HashMap;

use jiff::civil::Date;

use super::{
    field,
    lines::{Parsed, numbered, utf8},
};

/// A usage file, as far as it is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageJson {
    /// Whom it is of.
    pub username: Option<String>,
    /// Bytes on the day of `last_reset`.
    pub daily_usage: Option<u64>,
    /// Bytes.
    pub total_usage: Option<u64>,
    /// Bytes; 0 is unlimited.
    pub daily_limit: Option<u64>,
    /// Bytes; 0 is unlimited.
    pub total_limit: Option<u64>,
    /// Day that `daily_usage` is of.
    pub last_reset: Option<Date>,
}

/// A key that only the agent writes.
const OUR_KEY: &str = "epoch";

/// Reads a usage file; `None` if it is the agent's own.
pub fn parse(text: &[u8]) -> Option<(UsageJson, Parsed<()>)> {
    let (mut usage, mut parsed) = (UsageJson::default(), Parsed::default());
    let mut lines_of_keys = HashMap::new();
    for (line, pair) in numbered(text).flat_map(|(line, text)| pairs(line, text)) {
        let taken = pair.and_then(|(key, value)| take(&mut usage, key, value).map(|()| key));
        match taken {
            Ok(OUR_KEY) => return None,
            Ok(key) => {
                parsed.taken.push((line, ()));
                if let Some(before) = lines_of_keys.insert(key, line) {
                    parsed.refuse(before, format!("line {line} says {key} again, and stands"));
                }
            }
            Err(why) => parsed.refuse(line, why),
        }
    }
    Some((usage, parsed))
}

type Pair<'a> = Result<(&'a str, &'a str), String>;

/// What a line says, with its number.
fn pairs(line: usize, text: &[u8]) -> impl Iterator<Item = (usize, Pair<'_>)> {
    let (rest, refused) = match utf8(text) {
        Ok(text) => (text, None),
        Err(why) => ("", Some(Err(why))),
    };
    refused.into_iter().chain(Pairs { rest }).map(move |pair| (line, pair))
}

/// Puts a value where it belongs, if it is one.
fn take(usage: &mut UsageJson, key: &str, value: &str) -> Result<(), String> {
    let in_key = |why| format!("{key}: {why}");
    // A value that was read with its comma and written back with it.
    let bare = value.trim_end_matches(',');
    match key {
        "username" => usage.username = Some(field::name(value).map_err(in_key)?),
        "last_reset" => usage.last_reset = Some(field::date(bare).map_err(in_key)?),
        "daily_usage" => usage.daily_usage = Some(field::bytes(bare).map_err(in_key)?),
        "total_usage" => usage.total_usage = Some(field::bytes(bare).map_err(in_key)?),
        "daily_limit" => usage.daily_limit = Some(field::bytes(bare).map_err(in_key)?),
        "total_limit" => usage.total_limit = Some(field::bytes(bare).map_err(in_key)?),
        // Nothing of ours is made of them.
        "last_update" | "baseline_usage" | "last_stats" => {
            field::bytes(bare).map_err(in_key)?;
        }
        OUR_KEY => {}
        _ => return Err(format!("{} is no key of the panel", field::quoted(key))),
    }
    Ok(())
}

/// `"key": value` after another.
struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let between = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | '{' | '}');
        let text = self.rest.trim_start_matches(between);
        if text.is_empty() {
            return None;
        }
        let pair = pair(text);
        // Behind what is not understood nothing on the line can be trusted.
        self.rest = pair.as_ref().map_or("", |(_, _, rest)| rest);
        Some(pair.map(|(key, value, _)| (key, value)).map_err(|why| {
            let text = field::quoted(text);
            format!("{text} {why}")
        }))
    }
}

/// Key, value, and what follows them.
fn pair(text: &str) -> Result<(&str, &str, &str), &'static str> {
    let key = text.strip_prefix('"').and_then(|text| text.split_once('"'));
    let (key, rest) = key.ok_or("begins with no key in quotes")?;
    let value = rest.trim_ascii_start().strip_prefix(':').ok_or("has no colon after its key")?;
    let value = value.trim_ascii_start();
    let (value, rest) = match value.strip_prefix('"') {
        Some(value) => value.split_once('"').ok_or("has a value without its closing quote")?,
        None => value.split_at(value.find(ends_value).unwrap_or(value.len())),
    };
    // The panel escaped nothing: what it meant by one cannot be known.
    if value.contains('\\') {
        return Err("has a backslash in its value");
    }
    let ended = rest.trim_ascii_start();
    if !(ended.is_empty() || ended.starts_with([',', '}'])) {
        return Err("has something behind its value");
    }
    Ok((key, value, rest))
}

fn ends_value(character: char) -> bool {
    character.is_ascii_whitespace() || matches!(character, ',' | '}')
}
