//! `limit list`.

use std::io::{self, Write as _};

use super::{Failure, Result};
use crate::{
    config::Config,
    control::{Answer, Request, client::Client},
    ui::{self, sort::SortKey},
    view,
};

/// Shows the accounts that have a limit.
pub fn list(config: &Config, json: bool) -> Result<()> {
    let mut client = Client::connect(&config.agent.socket)?;
    let mut status = match client.ask(&Request::Status { account: None, hosts: false })? {
        Answer::Status(status) => *status,
        Answer::Refused { code, message } => return Err(Failure::with_code(code, message)),
        _ => return Err(Failure::with_code(1, "the agent answered something else")),
    };
    status.accounts.retain(|account| account.daily_limit != 0 || account.total_limit != 0);
    ui::sort::sort(&mut status.accounts, SortKey::Name);
    let text = if json {
        let limits = view::Limits::of(&status.accounts);
        serde_json::to_string(&limits).map_err(anyhow::Error::from)? + "\n"
    } else {
        ui::limits::table(&status.accounts)
    };
    Ok(io::stdout().write_all(text.as_bytes())?)
}
