//! `doctor --json` as the contract writes it.

use serde::Deserialize;

use crate::{home::Home, namespace::Namespace, process::outcome};

/// The document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Doctor {
    pub schema: u64,
    pub ok: bool,
    pub checks: Vec<Check>,
}

/// One thing it looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Check {
    pub id: String,
    pub status: Outcome,
    pub what: String,
    pub why: Option<String>,
    pub fix: Option<String>,
}

/// `ok`, `off` or `fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words are the contract's")]
pub enum Outcome {
    Ok,
    Off,
    Fail,
}

impl Doctor {
    /// Reads the document; panics where it is not the contract's.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let doctor: Self =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("doctor --json: {e} in {text}"));
        assert_eq!(doctor.schema, 1, "schema of doctor --json");
        doctor
    }

    /// Runs it in a namespace.
    #[must_use]
    pub fn within(netns: &Namespace, home: &Home) -> Self {
        let command = home.command(&["doctor", "--json"]);
        let command = command.iter().map(String::as_str);
        let args: Vec<_> = ["netns", "exec", &netns.name].into_iter().chain(command).collect();
        Self::read(&outcome("ip", &args).stdout)
    }

    /// The check of this name, which there must be.
    #[must_use]
    pub fn check(&self, id: &str) -> &Check {
        let check = self.checks.iter().find(|check| check.id == id);
        check.unwrap_or_else(|| panic!("no {id}: {self:?}"))
    }
}

impl Check {
    /// What it wants `nft` to be told; panics where it wants no such thing.
    #[must_use]
    pub fn nft(&self) -> &str {
        let fix = self.fix.as_deref().unwrap_or_default();
        let rules = fix.split("run `nft '").nth(1).and_then(|it| it.split('\'').next());
        rules.unwrap_or_else(|| panic!("no rules in {self:?}"))
    }
}
