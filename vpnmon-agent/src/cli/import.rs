//! `import`: the old panel's files.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use clap::Args;

use super::{Failure, Result, change::ask_or_apply};
use crate::{
    config::Config,
    control::{Answer, Request},
    legacy::{self, Found, Places},
    model::{Imported, Service, sighting::ImportedHost},
    time::of_local,
    ui,
};

/// Options of `import`.
#[derive(Args)]
pub struct ImportArgs {
    /// A root that holds the panel's etc/, a copy of /etc, or a directory with its files
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Only show what would be taken
    #[arg(long)]
    dry_run: bool,
}

/// Reads the files, shows what they hold, and takes it over.
pub fn import(config: &Config, args: &ImportArgs) -> Result<()> {
    if let Some(from) = args.from.as_ref().filter(|from| !from.is_dir()) {
        let message = format!("{} is no directory; name the one with the files", from.display());
        return Err(Failure::usage(message));
    }
    let found = legacy::read(&Places::find(args.from.as_deref()));
    let accounts = found.accounts.iter().map(imported).collect::<Vec<_>>();
    io::stdout().write_all(ui::import::table(&accounts).as_bytes())?;
    for skipped in &found.skipped {
        writeln!(io::stderr(), "{skipped}; skipped")?;
    }
    let hosts = found.hosts.len();
    if args.dry_run {
        writeln!(io::stdout(), "{} accounts, {hosts} hosts; nothing is changed", accounts.len())?;
        return Ok(());
    }
    let said = match ask_or_apply(config, Request::Import { accounts })? {
        Answer::Done(said) => said,
        Answer::Refused { code, message } => return Err(Failure::with_code(code, message)),
        _ => return Err(Failure::with_code(1, "the agent answered something else")),
    };
    let new_hosts = take_hosts(config, &found)?;
    Ok(writeln!(io::stdout(), "{said}; {new_hosts} of {hosts} hosts are new")?)
}

fn imported(account: &legacy::LegacyAccount) -> Imported {
    Imported {
        service: account.service.map(Service::from),
        name: account.name.clone(),
        total_limit: account.total_limit,
        daily_limit: account.daily_limit,
        used: account.used,
        daily_used: account.daily_used,
        is_disabled: account.disabled_since.is_some(),
    }
}

fn take_hosts(config: &Config, found: &Found) -> Result<usize> {
    let hosts = found.hosts.iter().map(|host| ImportedHost {
        host: host.host.clone(),
        service: host.service.clone(),
        source_ip: host.source_ip,
        seen: host.seen.and_then(of_local).unwrap_or_default(),
    });
    match ask_or_apply(config, Request::ImportHosts { hosts: hosts.collect() })? {
        Answer::NewHosts(count) => Ok(count),
        Answer::Refused { code, message } => Err(Failure::with_code(code, message)),
        _ => Err(Failure::with_code(1, "the agent answered something else")),
    }
}
