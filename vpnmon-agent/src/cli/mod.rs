//! The command line: what is typed, and how it ends.

mod change;
mod examples;
mod failure;
mod hosts;
mod import;
mod invoker;
mod limits;
mod line;
mod logging;
mod menu;
mod names;
mod notify;
mod pages;
mod report;
mod size;
mod status;
mod top;
mod xray;

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use self::top::screen::FullScreen;
use self::{
    failure::{Failure, Result},
    line::Line,
    names::Called,
};
use crate::{config::Config, control::Request, daemon, doctor, model::Service, ui::sort::SortKey};

const DEFAULT_CONFIG: &str = "/etc/vpnmon/config.toml";

/// Counts, shows and limits what each VPN user of a server moves.
#[derive(Parser)]
#[command(name = "vpnmon-agent", version, after_help = examples::PROGRAM)]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Places {
    /// Configuration file [default: /etc/vpnmon/config.toml, all defaults if it is not there]
    #[arg(long, global = true, value_name = "FILE", env = "VPNMON_CONFIG")]
    config: Option<PathBuf>,
    /// Where usage is kept, instead of agent.state_dir
    #[arg(long, global = true, value_name = "DIR", env = "VPNMON_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Control socket, instead of agent.socket
    #[arg(long, global = true, value_name = "FILE", env = "VPNMON_SOCKET")]
    socket: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the agent in the foreground; what the service starts
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Show what each account has used, and how fast it moves
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Watch accounts and hosts live on the whole screen; ? shows the keys
    #[command(after_help = examples::TOP)]
    Top(TopArgs),
    /// Show what was used by hour, day or month: a table, JSON, CSV, or a page with plots
    #[command(after_help = examples::REPORT)]
    Report(report::ReportArgs),
    /// Set, remove or list limits
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Set usage back to 0, now
    #[command(after_help = examples::RESET)]
    Reset(ResetArgs),
    /// Lock an account out, end its sessions and drop its packets, until `enable`
    #[command(after_help = examples::DISABLE)]
    Disable(DisableArgs),
    /// Let an account in again that was disabled
    #[command(after_help = examples::ENABLE)]
    Enable(EnableArgs),
    /// Captured host names: list, watch, add, remove, clear, on, off
    #[command(subcommand)]
    Hosts(hosts::HostsCommand),
    /// What Xray's config needs so that the kernel tells its users apart
    #[command(subcommand)]
    Xray(xray::XrayCommand),
    /// Take over the old panel's accounts, usage, limits and hosts
    #[command(after_help = examples::IMPORT)]
    Import(import::ImportArgs),
    /// Try whether notices of events arrive
    #[command(subcommand)]
    Notify(notify::NotifyCommand),
    /// Say what this kernel and host can do, what is off, why, and what to do about it
    #[command(after_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Take programs, links and maps out of the kernel, after writing down what they counted
    #[command(after_help = examples::DETACH)]
    Detach,
    /// The old panel's numbered menus, with its numbers
    #[command(after_help = examples::MENU)]
    Menu {
        /// Which of the two; without it you choose
        which: Option<menu::Menu>,
    },
    /// Print completions for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = examples::MAN)]
    Man,
}

#[derive(Args)]
struct TopArgs {
    /// Begin with the hosts
    #[arg(long)]
    hosts: bool,
}

#[derive(Args)]
struct RunArgs {
    /// Say more, the kernel programs included
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Args)]
struct StatusArgs {
    /// One account: NAME, or SERVICE:NAME where several services have the name
    user: Option<String>,
    /// One JSON document; with --watch one a line
    #[arg(long)]
    json: bool,
    /// Go on showing, once a second
    #[arg(long)]
    watch: bool,
    /// Also show which hosts the account has been to
    #[arg(long, requires = "user", conflicts_with = "watch")]
    hosts: bool,
    /// Only accounts of this service
    #[arg(long, value_name = "SERVICE", value_parser = service)]
    service: Option<Service>,
    /// Order of the rows
    #[arg(long, value_name = "KEY", value_enum)]
    sort: Option<SortKey>,
}

#[derive(Subcommand)]
enum LimitCommand {
    /// Limit what an account may use in all, or a day
    ///
    /// Sizes are powers of 1024, as in the old panel: 500MB, 1.5GiB, 2T; a bare number is MiB; 0 is
    /// unlimited.
    #[command(after_help = "Examples:\n  vpnmon-agent limit set john 50GB\n  \
        vpnmon-agent limit set john 0 --daily 2GB")]
    Set {
        /// NAME, or SERVICE:NAME where several services have the name
        user: String,
        /// In all, since the last reset
        #[arg(value_parser = size::parse)]
        size: u64,
        /// A day, local time
        #[arg(long, value_name = "SIZE", value_parser = size::parse)]
        daily: Option<u64>,
    },
    /// Remove all limits of an account
    #[command(after_help = examples::LIMIT_REMOVE)]
    Remove {
        /// NAME, or SERVICE:NAME where several services have the name
        user: String,
    },
    /// List the accounts that have limits
    #[command(after_help = examples::LIMIT_LIST)]
    List {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct ResetArgs {
    /// NAME, or SERVICE:NAME where several services have the name
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    user: Option<String>,
    /// Every account of every service
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
struct DisableArgs {
    /// NAME, or SERVICE:NAME where several services have the name
    user: String,
}

#[derive(Args)]
struct EnableArgs {
    /// NAME, or SERVICE:NAME where several services have the name
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    user: Option<String>,
    /// Every account that is disabled
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
struct DoctorArgs {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    match read_and_do() {
        Ok(code) => code,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let _nobody_listens = writeln!(io::stderr(), "vpnmon-agent: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn read_and_do() -> Result<ExitCode> {
    let typed = match names::called(env::args_os().collect())? {
        Called::Line(line) => line,
        Called::Help(text) => {
            io::stdout().write_all(text.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let cli = match line::read(typed)? {
        Line::Command(cli) => *cli,
        Line::Printed(code) => return Ok(code),
    };
    // They are made where packages are built, without a configuration.
    match cli.command {
        Command::Completions { shell } => pages::completions(shell)?,
        Command::Man => pages::man()?,
        _ => return dispatch(&load_config(&cli.places)?, cli),
    }
    Ok(ExitCode::SUCCESS)
}

fn dispatch(config: &Config, cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Run(args) => {
            logging::start(args.verbose);
            daemon::run(config, args.verbose)?;
        }
        Command::Status(args) => status::status(config, &args)?,
        Command::Report(args) => report::report(config, &args)?,
        Command::Top(args) => return top::top(config, args.hosts),
        Command::Menu { which } => menu::menu(config, &cli.places.words(), which)?,
        Command::Completions { shell } => pages::completions(shell)?,
        Command::Man => pages::man()?,
        Command::Limit(LimitCommand::List { json }) => limits::list(config, json)?,
        Command::Limit(LimitCommand::Set { user, size, daily }) => {
            let (total, invokers) = (Some(size), invoker::uids());
            change::change(config, Request::Limit { account: user, daily, total, invokers })?;
        }
        Command::Limit(LimitCommand::Remove { user }) => {
            let (daily, total, invokers) = (Some(0), Some(0), Vec::new());
            change::change(config, Request::Limit { account: user, daily, total, invokers })?;
        }
        Command::Reset(args) => change::change(config, Request::Reset { account: args.user })?,
        Command::Disable(DisableArgs { user }) => {
            let invokers = invoker::uids();
            change::through_agent(config, &Request::Disable { account: user, invokers })?;
        }
        Command::Enable(args) => {
            change::through_agent(config, &Request::Enable { account: args.user })?;
        }
        Command::Hosts(command) => hosts::hosts(config, command)?,
        Command::Xray(xray::XrayCommand::Snippet) => xray::snippet(config)?,
        Command::Notify(command) => notify::notify(config, &command)?,
        Command::Import(args) => import::import(config, &args)?,
        Command::Doctor(args) => return doctor::doctor(config, args.json).map_err(Into::into),
        Command::Detach => {
            logging::start(false);
            let said = if daemon::detach(config)? { "detached" } else { "nothing is attached" };
            writeln!(io::stderr(), "{said}; usage is in {}", config.agent.state_dir.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Places {
    /// As they are typed.
    fn words(&self) -> Vec<OsString> {
        let places = [
            ("--config", &self.config),
            ("--state-dir", &self.state_dir),
            ("--socket", &self.socket),
        ];
        let named = places.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?)));
        named.flat_map(|(name, path)| [name.into(), path.clone().into_os_string()]).collect()
    }
}

fn load_config(places: &Places) -> Result<Config> {
    let default = Path::new(DEFAULT_CONFIG);
    let file = places.config.as_deref().unwrap_or(default);
    let mut config = Config::load(file, places.config.is_some()).map_err(Failure::usage)?;
    if let Some(dir) = &places.state_dir {
        config.agent.state_dir = absolute(dir)?;
    }
    if let Some(socket) = &places.socket {
        config.agent.socket = absolute(socket)?;
    }
    Ok(config)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("{}: {error}; name a path", path.display())))
}

fn service(word: &str) -> std::result::Result<Service, String> {
    let all: Vec<_> = Service::ALL.iter().map(|service| service.word()).collect();
    word.parse().map_err(|()| format!("use one of {}", all.join(", ")))
}
