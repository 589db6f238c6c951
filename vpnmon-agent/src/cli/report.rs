//! `report`: what was used when, from the history.

mod when;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use jiff::{ZonedDateTime, civil::Date};

use super::{Failure, Result, change, service, status};
use crate::{
    config::Config,
    control::{Answer, Request},
    model::{
        Service,
        report::{By, Query},
    },
    ui::{self, table::TableStyle},
    view::report::Report,
};

/// Hosts in a page and in a document.
const HOSTS: usize = 20;
/// For whoever pipes it.
const PLAIN: TableStyle = TableStyle { width: 80, height: None, color: false };

/// Options of `report`.
#[derive(Args)]
pub struct ReportArgs {
    /// One account: NAME, or SERVICE:NAME where several services have the name; also one that is gone
    user: Option<String>,
    /// First day: a date as 2026-11-01, or so many days as 7d, today included
    ///
    /// [default: 30 days, with --by hour 2 days, with --by month 12 months]
    #[arg(long, value_name = "DATE", value_parser = when::parse)]
    since: Option<when::When>,
    /// Last day, likewise [default: today]
    #[arg(long, value_name = "DATE", value_parser = when::parse)]
    until: Option<when::When>,
    /// What a row is of, in local time
    #[arg(long, value_name = "PERIOD", value_enum, default_value_t)]
    by: By,
    /// Only accounts of this service; without it all but those of `system`
    #[arg(long, value_name = "SERVICE", value_parser = service)]
    service: Option<Service>,
    /// One JSON document
    #[arg(long, group = "format")]
    json: bool,
    /// A line an account and period
    #[arg(long = "csv", group = "format")]
    separated: bool,
    /// One page with plots, which needs nothing else
    #[arg(long, group = "format")]
    html: bool,
    /// Write it to this file instead of printing it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Shows it.
pub fn report(config: &Config, args: &ReportArgs) -> Result<()> {
    let now = ZonedDateTime::now();
    let query = query(args, now.date())?;
    let report = match change::ask_or_apply(config, Request::Report(query))? {
        Answer::Report(report) => *report,
        Answer::Refused { code, message } => return Err(Failure::with_code(code, message)),
        _ => return Err(Failure::with_code(1, "the agent answered something else")),
    };
    let text = text(&report, args, &now)?;
    match &args.output {
        Some(file) => Ok(write(file, &text)?),
        None => Ok(io::stdout().write_all(&text)?),
    }
}

fn query(args: &ReportArgs, today: Date) -> Result<Query> {
    let until = args.until.map_or(today, |it| it.date(today));
    let since = args.since.map_or_else(|| when::usual(args.by, until), |it| it.date(today));
    if since > until {
        let why = format!("--since {since} is after --until {until}; name an earlier day");
        return Err(Failure::usage(why));
    }
    let hosts = if args.separated { 0 } else { HOSTS };
    let (account, service) = (args.user.clone(), args.service);
    Ok(Query { account, service, since, until, by: args.by, detail: args.separated, hosts })
}

fn text(report: &Report, args: &ReportArgs, now: &ZonedDateTime) -> Result<Vec<u8>> {
    Ok(match args {
        ReportArgs { json: true, .. } => {
            let mut text = serde_json::to_vec(report).map_err(anyhow::Error::from)?;
            text.push(b'\n');
            text
        }
        ReportArgs { separated: true, .. } => {
            ui::report::comma_separated(report).map_err(anyhow::Error::from)?
        }
        ReportArgs { html: true, .. } => {
            let made = now.strftime("%F %R").to_string();
            ui::report::html(report, &made).map_err(anyhow::Error::from)?.into_bytes()
        }
        _ => {
            let is_screen = args.output.is_none() && io::stdout().is_terminal();
            let style = if is_screen { status::style(false) } else { PLAIN };
            ui::report::table(report, style, is_screen).into_bytes()
        }
    })
}

/// Replaces the file as a whole, so that nobody reads half of it; only its owner may read it.
fn write(file: &Path, text: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", file.display());
    let is_other = file.symlink_metadata().is_ok_and(|it| !it.is_file());
    anyhow::ensure!(!is_other, "{}: it is no regular file; name another", cannot());
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(dir).with_context(cannot)?;
    fresh.write_all(text).with_context(cannot)?;
    fresh.persist(file).with_context(cannot)?;
    Ok(())
}
