//! `hosts watch`: a line a sighting, as it happens.

use std::io::{self, IsTerminal as _, Write as _};

use super::super::{Failure, Result, status};
use crate::{
    config::Config,
    control::{Answer, Request, client::Client, watch::Watched},
    model::sighting::HostFilter,
    ui,
};

/// Shows until the agent or the reader leaves.
pub fn watch(config: &Config, filter: &HostFilter, json: bool) -> Result<()> {
    let mut client = Client::connect(&config.agent.socket)?;
    match client.ask(&Request::WatchHosts { filter: filter.clone() })? {
        Answer::Watching => {}
        Answer::Refused { code, message } => return Err(Failure::with_code(code, message)),
        _ => return Err(Failure::with_code(1, "the agent answered something else")),
    }
    let mut stdout = io::stdout().lock();
    let style = stdout.is_terminal().then(|| status::style(false));
    if !json {
        writeln!(stdout, "{}", ui::hosts::watch_titles(style))?;
    }
    loop {
        // What has come is shown before anything is waited for.
        stdout.flush()?;
        match client.watched()? {
            Watched::Row(row) if json => {
                serde_json::to_writer(&mut stdout, &row).map_err(io::Error::from)?;
                stdout.write_all(b"\n")?;
            }
            Watched::Row(row) => writeln!(stdout, "{}", ui::hosts::watch_line(&row, style))?,
            Watched::Lost(count) => {
                writeln!(io::stderr(), "vpnmon-agent: {count} lines lost: too slow to read them")?;
            }
        }
    }
}
