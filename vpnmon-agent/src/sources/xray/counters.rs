//! The counters of the last answer: an answer tells all of them, the engine hears of those that moved.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes as Shared;

use super::{
    message::Stat,
    name::{self, Counter},
};
use crate::model::Bytes;

/// What each user's counters said last, by email.
#[derive(Debug, Default)]
pub struct Counters {
    by_email: HashMap<Shared, Known>,
}

#[derive(Debug)]
struct Known {
    /// Of the account.
    name: Arc<str>,
    told: Option<Bytes>,
    now: Bytes,
}

impl Counters {
    /// The next answer may be another process': all of it is news.
    pub fn forget(&mut self) {
        self.by_email.clear();
    }

    /// Takes an answer in. Those that have moved since the last.
    pub fn take(&mut self, stats: Vec<Stat>) -> Vec<(Arc<str>, Bytes)> {
        let mut any_moved = false;
        for Stat { name, value } in stats {
            let Some((email, way)) = name::counter(&name) else { continue };
            // No counter of bytes is below zero.
            let value = u64::try_from(value).unwrap_or_default();
            let email = name.slice_ref(email);
            let known = self.by_email.entry(email).or_insert_with_key(|email| Known {
                name: name::account(email).into(),
                told: None,
                now: Bytes::default(),
            });
            let into = match way {
                Counter::Uplink => &mut known.now.uplink,
                Counter::Downlink => &mut known.now.downlink,
            };
            if std::mem::replace(into, value) != value || known.told.is_none() {
                any_moved = true;
            }
        }
        if !any_moved {
            return Vec::new();
        }
        let moved = self.by_email.values_mut().filter(|known| known.told != Some(known.now));
        let moved = moved.map(|known| {
            known.told = Some(known.now);
            (Arc::clone(&known.name), known.now)
        });
        moved.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counters: &mut Counters, stats: &[(&str, i64)], expected: &[(&str, u64, u64)]) {
        let stats = stats.iter().map(|(name, value)| Stat {
            name: Shared::copy_from_slice(name.as_bytes()),
            value: *value,
        });
        let mut moved = counters.take(stats.collect());
        moved.sort_by(|a, b| a.0.cmp(&b.0));
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, uplink, downlink)| {
                ((*name).into(), Bytes { uplink: *uplink, downlink: *downlink })
            })
            .collect();
        assert_eq!(moved, expected);
    }

    #[test]
    fn what_has_moved_is_told() {
        let (up, down) = ("user>>>bob>>>traffic>>>uplink", "user>>>bob>>>traffic>>>downlink");
        let al = "user>>>al>>>traffic>>>uplink";
        let mut counters = Counters::default();
        check(
            &mut counters,
            &[(up, 1), (al, 0), (down, 2), ("junk", 9)],
            &[("al", 0, 0), ("bob", 1, 2)],
        );
        check(&mut counters, &[(up, 1), (down, 2), (al, 0)], &[]);
        check(&mut counters, &[(down, 3), (up, 1)], &[("bob", 1, 3)]);
        check(&mut counters, &[(down, -3)], &[("bob", 1, 0)]);
        counters.forget();
        check(&mut counters, &[(up, 1)], &[("bob", 1, 0)]);
    }
}
