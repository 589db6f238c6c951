//! Rounds over everything that is compared, so that what disturbs the machine disturbs all alike.

use crate::{
    interrupt::{self, Result},
    progress::Progress,
};

/// Something that is compared with others.
pub struct Case<T> {
    /// What it is.
    pub name: Name,
    /// How it is measured.
    pub setup: T,
}

/// What stands in results.
#[derive(Clone, Debug)]
pub struct Name {
    /// For programs.
    pub key: String,
    /// For people.
    pub label: String,
}

/// What a case has shown, one value a round.
pub struct Series {
    /// What it is.
    pub name: Name,
    /// By round.
    pub rounds: Vec<f64>,
}

impl Name {
    /// Both names.
    pub fn new(key: &str, label: &str) -> Self {
        Self { key: key.to_owned(), label: label.to_owned() }
    }

    /// The same, and something more about it.
    #[must_use]
    pub fn and(&self, key: &str, label: &str) -> Self {
        Self { key: format!("{}-{key}", self.key), label: format!("{}, {label}", self.label) }
    }
}

/// Measures each case once a round.
pub fn go_over<T>(
    what: &'static str,
    rounds: u32,
    cases: &[Case<T>],
    mut measure: impl FnMut(&T) -> f64,
) -> Result<Vec<Series>> {
    let progress = Progress::new(what, rounds);
    let mut series: Vec<_> =
        cases.iter().map(|case| Series { name: case.name.clone(), rounds: Vec::new() }).collect();
    for round in 0..rounds {
        progress.at(round);
        for (case, series) in cases.iter().zip(&mut series) {
            interrupt::check()?;
            series.rounds.push(measure(&case.setup));
        }
    }
    Ok(series)
}
