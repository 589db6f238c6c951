//! The table of `import`.

use std::fmt::Write as _;

use super::units::size;
use crate::{
    escape::{escaped, width},
    model::Imported,
};

/// A line an account, aligned; `-` is what the files do not tell.
pub fn table(accounts: &[Imported]) -> String {
    let name = |account: &Imported| {
        let service = account.service.map_or("?", crate::model::Service::word);
        format!("{service}:{}", escaped(&account.name))
    };
    let widest = accounts.iter().map(|account| width(&name(account))).max().unwrap_or_default();
    let widest = widest.max("ACCOUNT".len());
    let mut text = format!("{:widest$}  {:>9}  {:>9}  STATE\n", "ACCOUNT", "USED", "LIMIT");
    for account in accounts {
        let name = name(account);
        let pad = widest - width(&name);
        let used = account.used.map_or_else(|| "-".to_owned(), size);
        let limit = account.total_limit.filter(|limit| *limit != 0);
        let limit = limit.map_or_else(|| "-".to_owned(), size);
        let state = if account.is_disabled { "disabled" } else { "ok" };
        let _ = writeln!(text, "{name}{:pad$}  {used:>9}  {limit:>9}  {state}", "");
    }
    text
}
