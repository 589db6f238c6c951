//! Accounts out of the files that each tell a part of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
};

use jiff::civil::Date;

use super::{
    LegacyAccount, LegacyService, Places, Skipped,
    conf::{Count, Disabled, Limit},
    field,
    lines::Parsed,
    usage_dir::UsageFile,
};

/// What the files say, file by file.
#[derive(Debug, Default)]
pub struct Sources {
    pub limits: Parsed<Limit>,
    pub baselines: Parsed<Count>,
    pub counters: Parsed<Count>,
    pub disabled: Parsed<Disabled>,
    /// By name.
    pub usage: BTreeMap<String, UsageFile>,
}

/// One account for each name and service that the files speak of.
pub fn accounts(
    sources: Sources,
    places: &Places,
    skipped: &mut Vec<Skipped>,
) -> Vec<LegacyAccount> {
    let names = services_by_name(&sources);
    let join = Join::of(sources, places);
    let mut accounts = Vec::with_capacity(names.len());
    for (name, services) in names {
        let usage = join.usage(&name, services.len() > 1, skipped);
        for service in each(services) {
            accounts.push(join.account(&name, service, usage, skipped));
        }
    }
    accounts
}

/// Which services have an account of a name; none where only usage is left.
fn services_by_name(sources: &Sources) -> BTreeMap<String, BTreeSet<LegacyService>> {
    let mut names: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    let limits = sources.limits.taken.iter().map(|(_, it)| (&it.name, it.service));
    let disabled = sources.disabled.taken.iter().map(|(_, it)| (&it.name, it.service));
    for (name, service) in limits.chain(disabled) {
        names.entry(name.clone()).or_default().insert(service);
    }
    let counts = sources.baselines.taken.iter().chain(&sources.counters.taken);
    for name in counts.map(|(_, count)| &count.name).chain(sources.usage.keys()) {
        names.entry(name.clone()).or_default();
    }
    names
}

fn each(services: BTreeSet<LegacyService>) -> impl Iterator<Item = Option<LegacyService>> {
    let unknown = services.is_empty().then_some(None);
    services.into_iter().map(Some).chain(unknown)
}

/// What the panel kept by name, whatever the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    daily_limit: Option<u64>,
    used: Option<u64>,
    daily_used: Option<(Date, u64)>,
    last_reset: Option<Date>,
}

type Key = (String, Option<LegacyService>);

struct Join<'a> {
    places: &'a Places,
    limits: HashMap<Key, u64>,
    disabled: HashMap<Key, Date>,
    baselines: Counts,
    counters: Counts,
    usage: BTreeMap<String, UsageFile>,
}

impl<'a> Join<'a> {
    fn of(sources: Sources, places: &'a Places) -> Self {
        let limits = sources.limits.taken.into_iter();
        let disabled = sources.disabled.taken.into_iter();
        Self {
            places,
            limits: limits.map(|(_, it)| ((it.name, Some(it.service)), it.bytes)).collect(),
            disabled: disabled.map(|(_, it)| ((it.name, Some(it.service)), it.since)).collect(),
            baselines: Counts::of(sources.baselines),
            counters: Counts::of(sources.counters),
            usage: sources.usage,
        }
    }

    fn usage(&self, name: &str, is_shared: bool, skipped: &mut Vec<Skipped>) -> Usage {
        let usage = self.usage_by_name(name);
        if !is_shared || usage == Usage::default() {
            return usage;
        }
        let name_quoted = field::quoted(name);
        let why = format!("has the usage of {name_quoted}, a name in more than one service");
        skipped.push(Skipped { file: self.file_of(name).to_owned(), line: 0, why });
        Usage::default()
    }

    fn usage_by_name(&self, name: &str) -> Usage {
        let Some(UsageFile { json, .. }) = self.usage.get(name) else {
            return Usage { used: self.used_by_conf(name), ..Usage::default() };
        };
        let daily = json.daily_usage.filter(|daily| json.total_usage != Some(*daily));
        Usage {
            daily_limit: json.daily_limit,
            used: json.total_usage.or_else(|| self.used_by_conf(name)),
            daily_used: json.last_reset.zip(daily),
            last_reset: json.last_reset,
        }
    }

    /// What the counter showed, on top of what earlier ones had shown.
    fn used_by_conf(&self, name: &str) -> Option<u64> {
        if !self.baselines.names(name) && !self.counters.names(name) {
            return None;
        }
        Some(self.baselines.get(name)?.saturating_add(self.counters.get(name)?))
    }

    fn file_of(&self, name: &str) -> &Path {
        let json = self.usage.get(name).map(|file| file.path.as_path());
        json.unwrap_or(&self.places.baselines)
    }

    fn account(
        &self,
        name: &str,
        service: Option<LegacyService>,
        usage: Usage,
        skipped: &mut Vec<Skipped>,
    ) -> LegacyAccount {
        let key = (name.to_owned(), service);
        let total_limit = self.limits.get(&key).copied();
        let in_json = self.usage.get(name).and_then(|file| file.json.total_limit);
        if let (None, Some(bytes @ 1..)) = (total_limit, in_json) {
            let why = format!("total_limit {bytes} was not in force: bw-limit.conf names no such");
            skipped.push(Skipped { file: self.file_of(name).to_owned(), line: 0, why });
        }
        let Usage { daily_limit, used, daily_used, last_reset } = usage;
        let disabled_since = self.disabled.get(&key).copied();
        let name = key.0;
        LegacyAccount {
            name,
            service,
            total_limit,
            daily_limit,
            used,
            daily_used,
            last_reset,
            disabled_since,
        }
    }
}

/// Bytes by name.
struct Counts {
    known: HashMap<String, u64>,
    /// Names whose line was refused.
    unread: HashSet<String>,
    is_readable: bool,
}

impl Counts {
    fn of(parsed: Parsed<Count>) -> Self {
        let Parsed { taken, unread, is_unreadable, .. } = parsed;
        let known = taken.into_iter().map(|(_, count)| (count.name, count.bytes)).collect();
        Self { known, unread, is_readable: !is_unreadable }
    }

    fn names(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// 0 where there is no line; `None` where nobody can tell.
    fn get(&self, name: &str) -> Option<u64> {
        let absent = self.is_readable && !self.unread.contains(name);
        self.known.get(name).copied().or_else(|| absent.then_some(0))
    }
}
