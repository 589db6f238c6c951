//! The agent's log: stderr, a line a message.

use std::io::Write as _;

use log::{Level, LevelFilter};

/// Starts it; `verbose` says more.
pub fn start(verbose: bool) {
    let level = if verbose { LevelFilter::Debug } else { LevelFilter::Info };
    // systemd sets it when stderr is the journal, which reads levels as syslog's numbers.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    // A command that does two things starts it twice.
    let _started_already = env_logger::Builder::new()
        .filter_level(level)
        // It tells of requests, whose URLs are secrets.
        .filter_module("ureq", LevelFilter::Off)
        .filter_module("ureq_proto", LevelFilter::Off)
        .filter_module("rustls", LevelFilter::Warn)
        .format(move |out, record| {
            let prefix = prefix(record.level(), journal);
            writeln!(out, "{prefix}{}", record.args())
        })
        .try_init();
}

const fn prefix(level: Level, journal: bool) -> &'static str {
    match (level, journal) {
        (Level::Error, true) => "<3>",
        (Level::Warn, true) => "<4>",
        (Level::Info, true) => "<6>",
        (Level::Debug | Level::Trace, true) => "<7>",
        (Level::Error, false) => "error: ",
        (Level::Warn, false) => "warning: ",
        (Level::Info, false) => "info: ",
        (Level::Debug | Level::Trace, false) => "debug: ",
    }
}
