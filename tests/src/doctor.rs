//! `doctor --json` as the contract writes it.

use serde::Deserialize;

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
}
