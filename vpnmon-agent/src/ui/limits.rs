//! The table of `limit list`.

use std::fmt::Write as _;

use super::units::size;
use crate::{
    escape::{escaped, width},
    view::Account,
};

/// A line an account, aligned.
pub fn table(accounts: &[Account]) -> String {
    let name = |account: &Account| format!("{}:{}", account.service, escaped(&account.name));
    let widest = accounts.iter().map(|account| width(&name(account))).max().unwrap_or_default();
    let widest = widest.max("ACCOUNT".len());
    let limit = |bytes| if bytes == 0 { "-".to_owned() } else { size(bytes) };
    let mut text = format!("{:widest$}  {:>9}  {:>9}\n", "ACCOUNT", "DAILY", "TOTAL");
    for account in accounts {
        let name = name(account);
        let pad = widest - width(&name);
        let (daily, total) = (limit(account.daily_limit), limit(account.total_limit));
        let _ = writeln!(text, "{name}{:pad$}  {daily:>9}  {total:>9}", "");
    }
    text
}
