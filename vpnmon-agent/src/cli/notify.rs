//! `notify`: whether notices arrive.

use std::io::{self, Write as _};

use clap::Subcommand;

use super::{
    examples,
    failure::{Failure, Result},
};
use crate::{config::Config, escape::escaped, notify, sources::clock::unix_seconds, time::rfc3339};

#[derive(Subcommand)]
pub enum NotifyCommand {
    /// Send a test over each way that the settings name, once, and say what happened
    ///
    /// The running agent is not asked: it is the settings that are tried, from this shell, without
    /// the service's sandbox.
    #[command(after_help = examples::NOTIFY_TEST)]
    Test,
}

/// Tries all of them; fails if one does.
pub fn notify(config: &Config, command: &NotifyCommand) -> Result<()> {
    let NotifyCommand::Test = command;
    let tried = notify::test(&config.notify, &rfc3339(unix_seconds()));
    if tried.is_empty() {
        let message = "nobody is told of events; set notify.command or notify.webhook in \
                       /etc/vpnmon/config.toml";
        return Err(Failure::with_code(1, message));
    }
    let mut failed = Vec::new();
    for (way, sent) in tried {
        match sent {
            Ok(()) => writeln!(io::stdout(), "{way}: sent")?,
            Err(why) => failed.push(format!("{way}: not sent: {}", escaped(&why))),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::with_code(1, failed.join("; "))) }
}
