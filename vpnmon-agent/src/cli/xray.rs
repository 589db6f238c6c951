//! `xray snippet`.

use std::io::{self, Write as _};

use clap::Subcommand;

use super::{Failure, Result, examples};
use crate::{
    config::Config,
    sources::xray::conf::{snippet, watch},
};

/// What there is to do about Xray.
#[derive(Subcommand)]
pub enum XrayCommand {
    /// Print outbounds and routing rules, as JSON, that give each user of xray.config a mark of its own
    ///
    /// Users who have one there already keep it and are left out.
    #[command(after_help = examples::XRAY_SNIPPET)]
    Snippet,
}

/// Prints what is to be added to Xray's config.
pub fn snippet(config: &Config) -> Result<()> {
    let path = &config.xray.config;
    let text = watch::read(path).map_err(|why| {
        Failure::with_code(1, format!("{why}; name the running config in xray.config"))
    })?;
    let added = snippet::snippet(&text).map_err(|damage| {
        let what = format!("{} is no JSON: {damage}; `xray -test` says where", path.display());
        Failure::with_code(1, what)
    })?;
    let text = serde_json::to_string_pretty(&added).map_err(anyhow::Error::from)?;
    Ok(writeln!(io::stdout(), "{text}")?)
}
