//! `status`: once, or again and again.

use std::{
    collections::HashMap,
    io::{self, IsTerminal as _, Write as _},
    thread,
    time::Duration,
};

use super::{Failure, Result, StatusArgs};
use crate::{
    config::Config,
    control::{Answer, Request, client::Client},
    model::Service,
    ui::{self, hosts::HostSort, sort::SortKey, table::TableStyle},
    view::{Status, hosts::Host},
};

const REFRESH: Duration = Duration::from_secs(1);
/// To the upper left; what is there is overwritten line by line, so that nothing flickers.
const HOME: &str = "\x1b[H";
const CLEAR_LINE_END: &str = "\x1b[K\r\n";
const CLEAR_BELOW: &str = "\x1b[J";
const CLEAR_ALL: &str = "\x1b[2J";

/// Shows what the agent knows.
pub fn status(config: &Config, args: &StatusArgs) -> Result<()> {
    let mut client = Client::connect(&config.agent.socket)?;
    let request = Request::Status { account: args.user.clone(), hosts: args.hosts };
    let is_screen = io::stdout().is_terminal() && !args.json;
    if args.watch && is_screen {
        io::stdout().write_all(CLEAR_ALL.as_bytes())?;
    }
    let mut shown = Shown::default();
    loop {
        let mut status = ask(&mut client, &request, args)?;
        let mut hosts = status.hosts.take();
        if let Some(hosts) = &mut hosts {
            ui::hosts::sort(hosts, HostSort::Last);
        }
        if args.json {
            status.hosts.clone_from(&hosts);
        }
        let text = match (args.json, is_screen) {
            (true, _) => json(&status)?,
            (false, false) if args.watch => shown.lines(status),
            (false, false) => ui::table::plain(&status),
            (false, true) if args.watch => screen(&status),
            (false, true) => ui::table::render(&status, style(false)),
        };
        let hosts = if args.json { None } else { hosts.as_deref() };
        let text = text + &hosts.map(|hosts| visited(hosts, is_screen)).unwrap_or_default();
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        if !args.watch {
            return Ok(());
        }
        drop(stdout);
        thread::sleep(REFRESH);
    }
}

fn ask(client: &mut Client, request: &Request, args: &StatusArgs) -> Result<Status> {
    let mut status = match client.ask(request)? {
        Answer::Status(status) => *status,
        Answer::Refused { code, message } => return Err(Failure::with_code(code, message)),
        _ => return Err(Failure::with_code(1, "the agent answered something else")),
    };
    if let Some(service) = args.service {
        status.accounts.retain(|account| account.service == service);
    }
    // Whoever watches wants to see who moves; a list is looked up by name.
    let usual = if args.watch { SortKey::Total } else { SortKey::Name };
    ui::sort::sort(&mut status.accounts, args.sort.unwrap_or(usual));
    Ok(status)
}

fn json(status: &Status) -> Result<String> {
    let text = serde_json::to_string(status).map_err(anyhow::Error::from)?;
    Ok(text + "\n")
}

/// What a log or a pipe that watches has been told.
#[derive(Default)]
struct Shown {
    bytes: HashMap<(Service, String), (u64, u64)>,
    titles: bool,
}

impl Shown {
    /// A line for each account that has moved since the last call; the titles once.
    fn lines(&mut self, mut status: Status) -> String {
        status.accounts.retain(|account| {
            let bytes = (account.uplink, account.downlink);
            let before = self.bytes.insert((account.service, account.name.clone()), bytes);
            before.unwrap_or_default() != bytes
        });
        let lines = ui::table::plain(&status);
        let has_titles = std::mem::replace(&mut self.titles, true);
        lines.lines().skip(usize::from(has_titles)).map(|line| line.to_owned() + "\n").collect()
    }
}

/// Where the account has been, below its row.
fn visited(hosts: &[Host], is_screen: bool) -> String {
    let table =
        if is_screen { ui::hosts::render(hosts, style(false)) } else { ui::hosts::plain(hosts) };
    format!("\n{table}")
}

fn screen(status: &Status) -> String {
    let table = ui::table::render(status, style(true));
    let lines: Vec<_> = table.lines().collect();
    [HOME, &lines.join(CLEAR_LINE_END), CLEAR_LINE_END, CLEAR_BELOW].concat()
}

pub fn style(fills_screen: bool) -> TableStyle {
    let size = terminal_size::terminal_size();
    let (width, height) = size.map_or((80, 24), |(width, height)| (width.0, height.0));
    let color = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    // The last line stays free, or the screen would scroll.
    let height = fills_screen.then(|| usize::from(height).saturating_sub(1));
    TableStyle { width: usize::from(width), height, color }
}
