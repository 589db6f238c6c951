//! The command line: what is typed, and how it ends.

mod change;
mod failure;
mod import;
mod limits;
mod logging;
mod size;
mod status;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use self::failure::{Failure, Result};
use crate::{config::Config, control::Request, daemon, doctor, model::Service, ui::sort::SortKey};

const DEFAULT_CONFIG: &str = "/etc/vpnmon/config.toml";

/// Counts, shows and limits what each VPN user of a server moves.
#[derive(Parser)]
#[command(name = "vpnmon-agent", version)]
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
    Run(RunArgs),
    /// Show what each account has used, and how fast it moves
    Status(StatusArgs),
    /// Set, remove or list limits
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Set usage back to 0, now
    Reset(ResetArgs),
    /// Take over the old panel's accounts, usage, limits and hosts
    Import(import::ImportArgs),
    /// Say what this kernel and host can do, what is off, why, and what to do about it
    Doctor(DoctorArgs),
    /// Take programs, links and maps out of the kernel, after writing down what they counted
    Detach,
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
    Remove {
        /// NAME, or SERVICE:NAME where several services have the name
        user: String,
    },
    /// List the accounts that have limits
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
struct DoctorArgs {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let _nobody_listens = writeln!(io::stderr(), "vpnmon-agent: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode> {
    let config = load_config(&cli.places)?;
    match cli.command {
        Command::Run(args) => {
            logging::start(args.verbose);
            daemon::run(&config, args.verbose)?;
        }
        Command::Status(args) => status::status(&config, &args)?,
        Command::Limit(LimitCommand::List { json }) => limits::list(&config, json)?,
        Command::Limit(LimitCommand::Set { user, size, daily }) => {
            change::change(&config, Request::Limit { account: user, daily, total: Some(size) })?;
        }
        Command::Limit(LimitCommand::Remove { user }) => {
            let (daily, total) = (Some(0), Some(0));
            change::change(&config, Request::Limit { account: user, daily, total })?;
        }
        Command::Reset(args) => change::change(&config, Request::Reset { account: args.user })?,
        Command::Import(args) => import::import(&config, &args)?,
        Command::Doctor(args) => return doctor::doctor(&config, args.json).map_err(Into::into),
        Command::Detach => {
            logging::start(false);
            let said = if daemon::detach(&config)? { "detached" } else { "nothing is attached" };
            writeln!(io::stderr(), "{said}; usage is in {}", config.agent.state_dir.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
