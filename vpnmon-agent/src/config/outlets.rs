//! The sections of what leaves the machine: metrics and notices.

use std::{fmt, net::SocketAddr, time::Duration};

use serde::{Deserialize, Deserializer};

use super::{
    reading::{Value, read, read_secret, word},
    values::{absolute, duration, listen, truth, whole},
};
use crate::model::incident::Kind;

/// Longest URL, in bytes.
const MAX_URL: usize = 2048;

/// `[metrics]`: the Prometheus endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSection {
    /// Where it listens; `None` is nowhere.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
    /// Whether that may be an address that other machines reach.
    #[serde(deserialize_with = "truth")]
    pub allow_remote: bool,
    /// Whether there are series of single accounts.
    #[serde(deserialize_with = "truth")]
    pub accounts: bool,
    /// Accounts with series of their own: those that have moved most.
    #[serde(deserialize_with = "whole::<_, _, 1, 100_000>")]
    pub max_accounts: u32,
}

impl Default for MetricsSection {
    fn default() -> Self {
        Self { listen: None, allow_remote: false, accounts: false, max_accounts: 1000 }
    }
}

/// `[notify]`: who is told of events, and of which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifySection {
    /// A program and its arguments; empty is none.
    #[serde(deserialize_with = "command")]
    pub command: Vec<String>,
    /// Where notices are posted.
    #[serde(deserialize_with = "webhook")]
    pub webhook: Option<WebhookUrl>,
    /// What is posted there.
    pub webhook_format: WebhookFormat,
    /// The chat, where that is `telegram`.
    #[serde(deserialize_with = "chat")]
    pub telegram_chat: String,
    /// Which events.
    #[serde(deserialize_with = "events")]
    pub events: Vec<Kind>,
    /// How long one try may take.
    #[serde(deserialize_with = "duration::<_, 100, 300_000>")]
    pub timeout: Duration,
}

impl Default for NotifySection {
    fn default() -> Self {
        Self {
            command: Vec::new(),
            webhook: None,
            webhook_format: WebhookFormat::Json,
            telegram_chat: String::new(),
            events: vec![Kind::Warning, Kind::Exceeded, Kind::Deleted, Kind::Degraded],
            timeout: Duration::from_secs(10),
        }
    }
}

/// A URL that is as good as a password: it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// To use, not to show.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// `https://` or `http://` and a host; nothing that would have to be escaped.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let is_plain = text.len() <= MAX_URL && text.bytes().all(|byte| byte.is_ascii_graphic());
        let uri: ureq::http::Uri = text.parse().ok()?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        (is_plain && has_host && !rest.contains('#')).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(..)")
    }
}

/// `notify.webhook_format`: what a webhook is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFormat {
    /// The event, as an object.
    Json,
    /// One line of plain text.
    Text,
    /// The line in what Slack, Mattermost and Rocket.Chat take.
    Slack,
    /// The line in what Discord takes.
    Discord,
    /// The line in what Telegram's `sendMessage` takes.
    Telegram,
}

impl<'de> Deserialize<'de> for WebhookFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = [
            ("json", Self::Json),
            ("text", Self::Text),
            ("slack", Self::Slack),
            ("discord", Self::Discord),
            ("telegram", Self::Telegram),
        ];
        word(deserializer, &words)
    }
}

fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let allowed = "a list of an absolute path and its arguments, such as [\"/usr/local/bin/tell\"]";
    let is_command = |words: &[String]| {
        let path = words.first().is_none_or(|path| absolute(path).is_some());
        path && !words.iter().any(|word| word.contains('\0'))
    };
    read(deserializer, allowed, |value| match value {
        Value::List(words) if is_command(&words) => Some(words),
        _ => None,
    })
}

fn webhook<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WebhookUrl>, D::Error> {
    let allowed = "a URL such as \"https://example.org/hook\", or \"\" for none";
    read_secret(deserializer, allowed, |value| match value {
        Value::Text("") => Some(None),
        Value::Text(text) => WebhookUrl::parse(text).map(Some),
        _ => None,
    })
}

fn chat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let allowed = "a chat's number or @name in quotes, such as \"-1001234567890\"";
    read(deserializer, allowed, |value| match value {
        Value::Text(text) if !text.contains(char::is_control) => Some(text.to_owned()),
        _ => None,
    })
}

fn events<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Kind>, D::Error> {
    let words = Kind::ALL.map(Kind::word).join(", ");
    let kind = |word: &String| Kind::ALL.into_iter().find(|kind| kind.word() == word);
    read(deserializer, format_args!("a list of {words}"), |value| match value {
        Value::List(list) => list.iter().map(kind).collect(),
        _ => None,
    })
}
