//! Orders of the accounts.

use std::cmp::{Ordering, Reverse};

use crate::view::Account;

pub use crate::model::order::SortKey;

/// Sorts by `key`; what is equal by service and then name.
pub fn sort(accounts: &mut [Account], key: SortKey) {
    accounts.sort_by(|a, b| by(key, a, b).then_with(|| identity(a).cmp(&identity(b))));
}

fn by(key: SortKey, a: &Account, b: &Account) -> Ordering {
    match key {
        SortKey::Name => a.name.cmp(&b.name),
        SortKey::Service => Ordering::Equal,
        SortKey::Today => b.daily_usage.cmp(&a.daily_usage),
        SortKey::Total => b.total_usage.cmp(&a.total_usage),
        SortKey::Left => least(a.remaining).cmp(&least(b.remaining)),
        SortKey::Up => b.uplink_bps.cmp(&a.uplink_bps),
        SortKey::Down => b.downlink_bps.cmp(&a.downlink_bps),
        SortKey::State => Reverse(a.state).cmp(&Reverse(b.state)),
    }
}

fn identity(account: &Account) -> (crate::model::Service, &str) {
    (account.service, &account.name)
}

/// Sorts `None` last.
fn least(number: Option<u64>) -> (bool, Option<u64>) {
    (number.is_none(), number)
}

#[cfg(test)]
mod tests {
    use super::{super::table::example, *};

    fn check(key: SortKey, expected: &str) {
        let mut accounts = example::status().accounts;
        accounts.reverse();
        sort(&mut accounts, key);
        let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names.join(" "), expected, "{key:?}");
    }

    #[test]
    fn every_key_has_its_order() {
        check(SortKey::Name, "alice bob carol dave root transport");
        check(SortKey::Service, "alice bob carol dave root transport");
        check(SortKey::Today, "transport alice bob carol dave root");
        check(SortKey::Total, "transport bob carol alice dave root");
        check(SortKey::Left, "bob carol alice dave root transport");
        check(SortKey::Up, "transport alice bob carol root dave");
        check(SortKey::Down, "alice transport bob carol root dave");
        check(SortKey::State, "dave bob carol alice root transport");
    }
}
