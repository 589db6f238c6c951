//! Token buckets before the rings: who floods loses names of its own, and nobody else's.

use vpnmon_common::{
    bucket::{Rate, SourceKey},
    host::{Sight, count},
};

use super::maps;
use crate::helpers::{load, store};

/// Whether the source may tell one more. Two CPUs may take the same token: a bound need not be exact.
#[inline(always)]
pub fn is_let_through(sight: &Sight, kind: u32) -> bool {
    let key = SourceKey::of(sight, kind);
    let is_let = take(&key, sight.at_ns, kind);
    if !is_let {
        maps::count(count::RATE_LIMIT);
    }
    is_let
}

#[inline(always)]
fn take(key: &SourceKey, now_ns: u64, kind: u32) -> bool {
    let rate = if kind == 0 { Rate::NAMES } else { Rate::DATAGRAMS };
    let bucket = maps::source_bucket(key);
    let Some(next) = rate.take(bucket.map_or(0, load), now_ns) else { return false };
    if kind != 0 && !take_shared(key, now_ns) {
        return false;
    }
    match bucket {
        Some(bucket) => store(bucket, next),
        None => maps::new_source_bucket(key, next),
    }
    true
}

#[inline(always)]
fn take_shared(key: &SourceKey, now_ns: u64) -> bool {
    let Some(bucket) = maps::shared_bucket(key.shared()) else { return true };
    let next = Rate::ALL_DATAGRAMS.take(load(bucket), now_ns);
    if let Some(next) = next {
        store(bucket, next);
    }
    next.is_some()
}
