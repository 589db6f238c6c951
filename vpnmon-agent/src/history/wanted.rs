//! Which accounts a report is about.

use std::collections::{BTreeSet, HashMap};

use super::{read::NoReport, tables::Known};
use crate::model::{AccountKey, Service, report::Query};

/// The numbers of the accounts asked for, with their names: several have the same where one has taken
/// another's place.
pub fn wanted<'a>(
    query: &Query,
    everybody: &'a HashMap<u64, Known>,
) -> Result<HashMap<u64, &'a AccountKey>, NoReport> {
    let named = query.account.as_deref().map(|name| one(name, query.service, everybody));
    let named = named.transpose()?;
    let is_wanted = |key: &AccountKey| match (&named, query.service) {
        (Some(named), _) => key == *named,
        (None, Some(service)) => key.service == service,
        // Who owns the machine's own traffic, and the connections that carry users', is no user.
        (None, None) => key.service != Service::System,
    };
    let all = everybody.iter().map(|(number, known)| (*number, &known.key));
    Ok(all.filter(|(_, key)| is_wanted(key)).collect())
}

fn one<'a>(
    name: &str,
    service: Option<Service>,
    everybody: &'a HashMap<u64, Known>,
) -> Result<&'a AccountKey, NoReport> {
    let is_meant = |key: &&AccountKey| {
        let keyed = name
            .split_once(':')
            .is_some_and(|(word, name)| word == key.service.word() && name == key.name);
        (key.name == name || keyed) && service.is_none_or(|service| service == key.service)
    };
    let meant: BTreeSet<_> = everybody.values().map(|known| &known.key).filter(is_meant).collect();
    let names: Vec<_> = meant.iter().map(ToString::to_string).collect();
    let mut meant = meant.into_iter();
    match (meant.next(), meant.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(NoReport::Unknown(name.to_owned())),
        _ => Err(NoReport::Ambiguous(name.to_owned(), names.join(", "))),
    }
}
