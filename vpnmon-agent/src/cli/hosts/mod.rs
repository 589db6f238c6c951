//! `hosts`: what was captured, as it is captured, and what an admin does about it.

mod watch;

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    net::IpAddr,
};

use clap::{Args, Subcommand};

use super::{Failure, Result, change, examples};
use crate::{
    config::Config,
    control::{Answer, Request, client::Client},
    model::sighting::{HostFilter, Kind},
    ui::{self, hosts::HostSort},
    view,
};

/// The commands.
#[derive(Subcommand)]
pub enum HostsCommand {
    /// List the hosts that were captured or added
    #[command(after_help = examples::HOSTS_LIST)]
    List(ListArgs),
    /// Show each host as it is seen
    #[command(after_help = examples::HOSTS_WATCH)]
    Watch(WatchArgs),
    /// Add a host by hand; nothing pushes it out
    #[command(after_help = examples::HOSTS_ADD)]
    Add(AddArgs),
    /// Forget a host: the next visit is new
    #[command(after_help = examples::HOSTS_REMOVE)]
    Remove {
        /// Its name, or an odd one as `hosts list` shows it
        host: String,
    },
    /// Forget all hosts
    #[command(after_help = examples::HOSTS_CLEAR)]
    Clear {
        /// Do not ask, on a terminal either
        #[arg(short, long)]
        yes: bool,
    },
    /// Capture hosts, now and after each start
    #[command(after_help = examples::HOSTS_SWITCH)]
    On,
    /// Capture none, now and after each start
    #[command(after_help = examples::HOSTS_SWITCH)]
    Off,
}

/// Which hosts.
#[derive(Args)]
pub struct FilterArgs {
    /// Only hosts of this account
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only hosts of this service, such as SSH or VLESS
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Only names that came from there
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
}

/// Options of `hosts list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// Only hosts first seen in the last 24 hours
    #[arg(long)]
    new: bool,
    /// Order of the rows
    #[arg(long, value_name = "KEY", value_enum, default_value_t = HostSort::Last)]
    sort: HostSort,
}

/// Options of `hosts watch`.
#[derive(Args)]
pub struct WatchArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Options of `hosts add`.
#[derive(Args)]
pub struct AddArgs {
    /// A name or an address; a port and a final dot are taken off
    host: String,
    /// What it is for: SSH, VMESS, or a word of your own [default: MANUAL]
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Address of the client
    #[arg(long, value_name = "IP")]
    source: Option<IpAddr>,
}

impl FilterArgs {
    fn filter(&self) -> HostFilter {
        // `ssh:john` as `status` takes it: the service is told by the name.
        let user = self.user.as_deref().map(|user| match user.split_once(':') {
            Some((word, name)) if word.parse::<crate::model::Service>().is_ok() => name,
            _ => user,
        });
        HostFilter { user: user.map(str::to_owned), service: self.service.clone(), kind: self.kind }
    }
}

/// Does it.
pub fn hosts(config: &Config, command: HostsCommand) -> Result<()> {
    match command {
        HostsCommand::List(args) => list(config, &args),
        HostsCommand::Watch(args) => watch::watch(config, &args.filter.filter(), args.json),
        HostsCommand::Add(AddArgs { host, service, source }) => {
            change::change(config, Request::AddHost { host, service, source_ip: source })
        }
        HostsCommand::Remove { host } => change::change(config, Request::RemoveHost { host }),
        HostsCommand::Clear { yes } => clear(config, yes),
        HostsCommand::On => switch(config, true),
        HostsCommand::Off => switch(config, false),
    }
}

fn list(config: &Config, args: &ListArgs) -> Result<()> {
    let filter = args.filter.filter();
    let mut hosts = match change::ask_or_apply(config, Request::Hosts { filter })? {
        Answer::Hosts(hosts) => hosts,
        Answer::Refused { code, message } => return Err(Failure::with_code(code, message)),
        _ => return Err(Failure::with_code(1, "the agent answered something else")),
    };
    if args.new {
        hosts.retain(is_new);
    }
    ui::hosts::sort(&mut hosts, args.sort);
    let mut stdout = io::stdout().lock();
    if args.json {
        let document = view::hosts::Hosts { schema: view::SCHEMA, hosts: &hosts };
        serde_json::to_writer(&mut stdout, &document).map_err(io::Error::from)?;
        return Ok(stdout.write_all(b"\n")?);
    }
    if hosts.is_empty() {
        writeln!(io::stderr(), "no hosts")?;
    }
    let text = if stdout.is_terminal() {
        ui::hosts::render(&hosts, super::status::style(false))
    } else {
        ui::hosts::plain(&hosts)
    };
    Ok(stdout.write_all(text.as_bytes())?)
}

/// First seen in the last 24 hours.
fn is_new(host: &view::hosts::Host) -> bool {
    let first = host.first_seen.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let day = jiff::SignedDuration::from_hours(24);
    first.is_some_and(|first| jiff::Timestamp::now().duration_since(first) < day)
}

/// Asks where there is somebody to ask; a script that says so means it.
fn clear(config: &Config, yes: bool) -> Result<()> {
    if !yes && io::stdin().is_terminal() && io::stderr().is_terminal() {
        write!(io::stderr(), "Forget all hosts? [y/N] ")?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            writeln!(io::stderr(), "nothing is changed")?;
            return Ok(());
        }
    }
    change::change(config, Request::ClearHosts)
}

/// Only a running agent captures: without one, the error says so.
fn switch(config: &Config, on: bool) -> Result<()> {
    let mut client = Client::connect(&config.agent.socket)?;
    change::told(client.ask(&Request::CaptureHosts { on })?)
}

fn kind(word: &str) -> std::result::Result<Kind, String> {
    let found = Kind::ALL.into_iter().find(|kind| kind.word() == word);
    let all = Kind::ALL.map(Kind::word).join(", ");
    found.ok_or_else(|| format!("use one of {all}"))
}
