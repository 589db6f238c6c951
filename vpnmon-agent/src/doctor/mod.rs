//! `doctor`: what this kernel and host can do, what is off, why, and what to do about it.
//!
//! Looks and tries, and leaves nothing behind.

mod checks;
mod outlets;
mod report;
mod xray;

use std::{io::Write as _, process::ExitCode};

use anyhow::Result;
use serde::Serialize;

use crate::config::Config;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It works.
    Ok,
    /// It does not, and the agent runs without it.
    Off,
    /// It does not, and the agent cannot run.
    Fail,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name in the manual.
    pub id: &'static str,
    /// How it went.
    pub status: Outcome,
    /// What was looked at, and found.
    pub what: String,
    /// Why it does not work; empty where it does.
    pub why: String,
    /// What to do about it; empty where nothing is to be done.
    pub fix: String,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    ok: bool,
    checks: &'a [Check],
}

/// Prints the report; the exit code says whether the agent could run.
pub fn doctor(config: &Config, json: bool) -> Result<ExitCode> {
    let checks = checks::all(config);
    let ok = checks.iter().all(|check| check.status != Outcome::Fail);
    let text = if json {
        serde_json::to_string(&Document { schema: 1, ok, checks: &checks })? + "\n"
    } else {
        report::text(&checks)
    };
    // Takes colours away where nobody would see them.
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
