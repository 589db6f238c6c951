//! The menu's word about the agent itself.

use std::io::{self, Write as _};

use crate::{
    cli::{Failure, Result},
    config::Config,
    control::{Answer, Request, client::Client},
    escape::escaped,
    model::look::{Look, Page},
    time::local_time,
    view::screen::Screen,
};

/// Says how the agent is.
pub fn show(config: &Config) -> Result<()> {
    let mut client = Client::connect(&config.agent.socket)?;
    // Of the rows none: what is said of the agent comes with them.
    let screen = match client.ask(&Request::Look(Look::Accounts(Page::default())))? {
        Answer::Screen(screen) => screen,
        Answer::Refused { code, message } => return Err(Failure::with_code(code, message)),
        _ => return Err(Failure::with_code(1, "the agent answered something else")),
    };
    let text: String = lines(&screen).iter().map(|line| escaped(line) + "\n").collect();
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn lines(screen: &Screen) -> Vec<String> {
    let (agent, totals) = (&screen.agent, &screen.totals);
    let capture = if screen.captures { "on" } else { "off" };
    let mut lines = vec![
        format!(
            "vpnmon-agent {} is running: pid {}, since {}, kernel {}",
            agent.version,
            agent.pid,
            local_time(agent.started),
            agent.kernel
        ),
        format!(
            "{} accounts, {} online, {} over a limit, {} disabled",
            totals.accounts, totals.online, totals.exceeded, totals.disabled
        ),
        format!("usage is {}; capture of hosts is {capture}", agent.usage),
    ];
    lines.extend(agent.degraded.iter().map(|reason| format!("degraded: {reason}")));
    lines.push("`vpnmon-agent doctor` says what this machine can do".to_owned());
    lines
}
