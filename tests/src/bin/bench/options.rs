//! The command line, as `cargo xtask bench` gives it.

use std::{env, path::PathBuf, process::exit};

use crate::plan::Plan;

const USAGE: &str = "usage: vpnmon-bench [--quick] [--against AGENT] RESULTS [DOCUMENT]";

/// What to do.
pub struct Options {
    /// How long.
    pub plan: Plan,
    quick: bool,
    /// An agent of another build, measured beside the one of this build.
    pub against: Option<PathBuf>,
    /// Where the JSON goes.
    pub results: PathBuf,
    /// Where the tables go.
    pub document: Option<PathBuf>,
}

impl Options {
    /// Reads them; ends the program where they make no sense.
    pub fn from_arguments() -> Self {
        Self::parse(env::args().skip(1)).unwrap_or_else(|| {
            eprintln!("{USAGE}");
            exit(2)
        })
    }

    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut quick, mut against, mut files) = (false, None, Vec::new());
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => quick = true,
                "--against" => against = Some(arguments.next()?.into()),
                file => files.push(PathBuf::from(file)),
            }
        }
        let plan = if quick { Plan::QUICK } else { Plan::FULL };
        let mut files = files.into_iter();
        let options = Self { plan, quick, against, results: files.next()?, document: files.next() };
        files.next().is_none().then_some(options)
    }

    /// What a person types for the same run.
    pub fn command(&self) -> String {
        let quick = if self.quick { " --quick" } else { "" };
        let against = if self.against.is_some() { " --against AGENT" } else { "" };
        format!("cargo xtask bench{quick}{against}")
    }
}
