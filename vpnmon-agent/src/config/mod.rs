//! The config file: every key optional, every wrong one refused with its line.

mod choice;
mod clients;
mod duration;
mod error;
mod file;
mod locate;
mod outlets;
mod reading;
mod sections;
#[cfg(test)]
mod tests;
mod values;

use std::{net::SocketAddr, ops::Range, path::Path};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, Deserializer},
};

use self::locate::{Document, SECTIONS};
pub use self::{
    choice::{AuthLog, CgroupChoice, Interfaces, SshAction, Toggle, XrayAction, XrayMode},
    error::ConfigError,
    outlets::{MetricsSection, NotifySection, WebhookFormat, WebhookUrl},
    sections::{
        AgentSection, EnforceSection, ForwardSection, HistorySection, HostsSection, MeterSection,
        SshSection, XraySection,
    },
};

/// What the agent was told to do; its default is what a missing file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the agent keeps its things.
    pub agent: AgentSection,
    /// What is counted, and how often it is looked at.
    pub meter: MeterSection,
    /// Which UIDs are SSH accounts.
    pub ssh: SshSection,
    /// Where Xray is found.
    pub xray: XraySection,
    /// Clients of tunnels.
    pub forward: ForwardSection,
    /// Capture of host names.
    pub hosts: HostsSection,
    /// Usage by hour and day.
    pub history: HistorySection,
    /// What happens at a limit.
    pub enforce: EnforceSection,
    /// The Prometheus endpoint.
    pub metrics: MetricsSection,
    /// Who is told of events.
    pub notify: NotifySection,
}

impl Config {
    /// Reads `file`. One that does not exist says nothing, which is an error if it `must_exist`.
    pub fn load(file: &Path, must_exist: bool) -> Result<Self, ConfigError> {
        match file::read(file, must_exist)? {
            Some(text) => Self::parse(&text, file),
            None => Ok(Self::default()),
        }
    }

    /// Reads `text`; `file` is for the errors.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let document = Document { file, text };
        let table = DeTable::parse(text).map_err(|error| document.syntax(&error))?;
        only_sections(&document, table.get_ref())?;
        let config = Self::deserialize(Deserializer::from(table.clone()))
            .map_err(|error| document.value(table.get_ref(), &error))?;
        config.together(&document, &table)?;
        Ok(config)
    }

    /// What no value can be asked for alone.
    fn together(
        &self,
        document: &Document<'_>,
        table: &Spanned<DeTable<'_>>,
    ) -> Result<(), ConfigError> {
        let Some((section, keys, wrong, allowed)) = self.contradiction() else { return Ok(()) };
        // One of the keys stands in the file, for the defaults are in order.
        let place =
            |key: &&'static str| Some((*key, locate::value(table.get_ref(), section, key)?));
        let (key, span) = keys.iter().find_map(place).unwrap_or((keys[0], Range::default()));
        Err(document.wrong(&span, Some(format!("{section}.{key}")), wrong, allowed))
    }

    /// Section, keys, what is wrong with them together, and what is allowed.
    fn contradiction(&self) -> Option<(&'static str, [&'static str; 2], String, &'static str)> {
        let SshSection { min_uid, max_uid, .. } = self.ssh;
        if min_uid > max_uid {
            let wrong = format!("min_uid {min_uid} is above max_uid {max_uid}");
            return Some(("ssh", ["min_uid", "max_uid"], wrong, "use min_uid <= max_uid"));
        }
        let is_local = |at: SocketAddr| at.ip().to_canonical().is_loopback();
        if let Some(at) = self.metrics.listen.filter(|at| !is_local(*at))
            && !self.metrics.allow_remote
        {
            let wrong = format!("other machines reach {at}, and whoever connects is answered");
            let allowed = "use an address of this machine alone, such as 127.0.0.1:9477, or add \
                           allow_remote = true and close the port to others in the firewall";
            return Some(("metrics", ["listen", "allow_remote"], wrong, allowed));
        }
        let is_telegram = self.notify.webhook_format == WebhookFormat::Telegram;
        (is_telegram && self.notify.telegram_chat.is_empty()).then(|| {
            let allowed = "add telegram_chat = \"...\", the chat's number";
            let wrong = "telegram needs a chat".to_owned();
            ("notify", ["webhook_format", "telegram_chat"], wrong, allowed)
        })
    }
}

/// Serde would take `meter = []` for an empty section.
fn only_sections(document: &Document<'_>, table: &DeTable<'_>) -> Result<(), ConfigError> {
    let Some((key, _)) = table.iter().find(|(_, value)| !value.get_ref().is_table()) else {
        return Ok(());
    };
    let name = Some(key.get_ref().to_string());
    let allowed = format!("use sections: [{}]", SECTIONS.join("], ["));
    Err(document.wrong(&key.span(), name, "not a section", allowed))
}
