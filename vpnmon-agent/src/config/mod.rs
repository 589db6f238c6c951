//! The config file: every key optional, every wrong one refused with its line.

mod choice;
mod duration;
mod error;
mod file;
mod locate;
mod reading;
mod sections;
#[cfg(test)]
mod tests;
mod values;

use std::{ops::Range, path::Path};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, Deserializer},
};

use self::locate::{Document, SECTIONS};
pub use self::{
    choice::{AuthLog, CgroupChoice},
    error::ConfigError,
    sections::{
        AgentSection, EnforceSection, HostsSection, MeterSection, MetricsSection, SshSection,
        XraySection,
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
    /// Capture of host names.
    pub hosts: HostsSection,
    /// What happens at a limit.
    pub enforce: EnforceSection,
    /// The Prometheus endpoint.
    pub metrics: MetricsSection,
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
        let SshSection { min_uid, max_uid, .. } = self.ssh;
        if min_uid <= max_uid {
            return Ok(());
        }
        // One of them stands in the file, for the defaults are in order.
        let place = |key| locate::value(table.get_ref(), "ssh", key).map(|span| (key, span));
        let (key, span) =
            place("min_uid").or_else(|| place("max_uid")).unwrap_or(("min_uid", Range::default()));
        let wrong = format!("min_uid {min_uid} is above max_uid {max_uid}");
        let key = format!("ssh.{key}");
        Err(document.wrong(&span, Some(key), wrong, "use min_uid <= max_uid"))
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
