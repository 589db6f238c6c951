//! Readers of the kinds of values that sections are made of, each with its bounds.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserializer;

use super::{
    duration,
    reading::{Value, read},
};

/// Longest path of a Unix socket: `sun_path` without its final NUL.
const SOCKET_PATH: usize = 107;

pub fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    read(deserializer, "true or false", |value| match value {
        Value::Truth(truth) => Some(truth),
        _ => None,
    })
}

pub fn whole<'de, D, T, const MIN: u64, const MAX: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let allowed = format_args!("a whole number from {MIN} to {MAX}");
    read(deserializer, allowed, |value| match value {
        Value::Whole(number) if (MIN..=MAX).contains(&number) => number.try_into().ok(),
        _ => None,
    })
}

/// Bounds in milliseconds.
pub fn duration<'de, D, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let (min, max) = (Duration::from_millis(MIN), Duration::from_millis(MAX));
    let allowed = format!(
        "a duration from {} to {}, such as \"10ms\", \"1s\" or \"1m\"",
        duration::shown(MIN),
        duration::shown(MAX)
    );
    read(deserializer, allowed, |value| match value {
        Value::Text(text) => duration::parse(text).filter(|it| (min..=max).contains(it)),
        _ => None,
    })
}

pub fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    read(deserializer, "an absolute path", |value| match value {
        Value::Text(text) => absolute(text),
        _ => None,
    })
}

pub fn socket_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let allowed = format_args!("an absolute path of at most {SOCKET_PATH} bytes");
    read(deserializer, allowed, |value| match value {
        Value::Text(text) if text.len() <= SOCKET_PATH => absolute(text),
        _ => None,
    })
}

pub fn absolute(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    (path.is_absolute() && !text.contains('\0')).then(|| path.to_owned())
}

pub fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    read(deserializer, "an address and a port, such as \"127.0.0.1:10085\"", |value| match value {
        Value::Text(text) => text.parse().ok(),
        _ => None,
    })
}

/// An empty text is no address.
pub fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let allowed = "an address and a port, such as \"127.0.0.1:9477\", or \"\" for none";
    read(deserializer, allowed, |value| match value {
        Value::Text("") => Some(None),
        Value::Text(text) => text.parse().ok().map(Some),
        _ => None,
    })
}

pub fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    read(deserializer, "a list of names, such as [\"john\"]", |value| match value {
        Value::List(names) if names.iter().all(|name| !name.is_empty()) => Some(names),
        _ => None,
    })
}
