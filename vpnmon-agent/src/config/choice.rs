//! Values that are one of a few things.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer};

use super::{
    reading::{Value, read, word},
    values::absolute,
};
use crate::model::Usage;

/// Longest interface name: `IFNAMSIZ` without its final NUL.
const INTERFACE_NAME: usize = 15;

/// `meter.interfaces`: where the tc programs go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Interfaces {
    /// Those with a default route, and tunnels.
    #[default]
    Auto,
    /// These, each once.
    Named(Vec<String>),
}

/// `meter.cgroup`: where the cgroup programs go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CgroupChoice {
    /// The cgroup2 mount.
    #[default]
    Auto,
    /// This subtree.
    Path(PathBuf),
}

/// `xray.enabled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Toggle {
    /// If it is there.
    #[default]
    Auto,
    /// `true`.
    On,
    /// `false`.
    Off,
}

/// `xray.binary`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// What runs.
    #[default]
    Auto,
    /// This one.
    Path(PathBuf),
}

impl Program {
    /// The one that is named, if one is.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Auto => None,
            Self::Path(path) => Some(path),
        }
    }
}

/// `ssh.auth_log`: where sshd and dropbear tell of their sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuthLog {
    /// The journal, else the usual files.
    #[default]
    Auto,
    /// The journal.
    Journald,
    /// This file.
    Path(PathBuf),
}

/// `enforce.ssh`: what happens to an SSH account at its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SshAction {
    /// The user is deleted.
    #[default]
    Delete,
    /// The user is locked out.
    Disable,
    /// The packets are dropped.
    Block,
}

/// `enforce.xray`: what happens to an Xray account at its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XrayAction {
    /// The user is taken out of Xray.
    #[default]
    Remove,
    /// The user is refused for as long as the limit stands.
    Block,
}

/// `xray.mode`: which counter is a user's of Xray.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XrayMode {
    /// Xray's own, over its API.
    #[default]
    Api,
    /// The kernel's, of the sockets that Xray opens with the user's mark.
    Mark,
}

impl<'de> Deserialize<'de> for XrayMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, &[("api", Self::Api), ("mark", Self::Mark)])
    }
}

impl<'de> Deserialize<'de> for Interfaces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let allowed =
            "\"auto\" or a list of different interface names, such as [\"eth0\", \"wg0\"]";
        read(deserializer, allowed, |value| match value {
            Value::Text("auto") => Some(Self::Auto),
            Value::List(names) => each_once(&names).then_some(Self::Named(names)),
            _ => None,
        })
    }
}

/// Programs attached twice would count twice.
fn each_once(names: &[String]) -> bool {
    let mut seen = HashSet::new();
    names.iter().all(|name| is_interface(name) && seen.insert(name))
}

/// As the kernel's `dev_valid_name` has it.
fn is_interface(name: &str) -> bool {
    let fits = (1..=INTERFACE_NAME).contains(&name.len()) && name != "." && name != "..";
    fits && !name.contains(|c: char| c == '/' || c == ':' || c == '\0' || c.is_whitespace())
}

impl<'de> Deserialize<'de> for CgroupChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "\"auto\" or an absolute path", |value| match value {
            Value::Text("auto") => Some(Self::Auto),
            Value::Text(text) => absolute(text).map(Self::Path),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for Program {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "\"auto\" or an absolute path", |value| match value {
            Value::Text("auto") => Some(Self::Auto),
            Value::Text(text) => absolute(text).map(Self::Path),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for Toggle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "\"auto\", true or false", |value| match value {
            Value::Text("auto") => Some(Self::Auto),
            Value::Truth(true) => Some(Self::On),
            Value::Truth(false) => Some(Self::Off),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for AuthLog {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "\"auto\", \"journald\" or an absolute path", |value| match value {
            Value::Text("auto") => Some(Self::Auto),
            Value::Text("journald") => Some(Self::Journald),
            Value::Text(text) => absolute(text).map(Self::Path),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for SshAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = [("delete", Self::Delete), ("disable", Self::Disable), ("block", Self::Block)];
        word(deserializer, &words)
    }
}

impl<'de> Deserialize<'de> for XrayAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, &[("remove", Self::Remove), ("block", Self::Block)])
    }
}

/// The model's own reading knows nothing of config errors.
pub fn usage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Usage, D::Error> {
    word(deserializer, &[Usage::Uplink, Usage::Downlink, Usage::Both].map(|it| (it.word(), it)))
}
