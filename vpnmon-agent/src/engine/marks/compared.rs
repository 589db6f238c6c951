//! Xray's own counters beside those of marks: what Xray has moved and no socket with the mark has went
//! another way.

use std::collections::HashMap;

use crate::{engine::Engine, ledger::AccountId, model::Bytes};

/// Until then a difference may be what is under way.
const SLACK_BYTES: u64 = 16 << 20;

/// By account.
#[derive(Debug, Default)]
pub struct Compared {
    pairs: HashMap<AccountId, Pair>,
    /// Whether Xray's counters have begun at 0 since.
    is_new: bool,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    /// What both stood at when they were first seen together.
    api_began: Bytes,
    mark_began: Bytes,
    api: Bytes,
}

impl Compared {
    /// What Xray's counter stood at last.
    pub fn last(&self, id: AccountId) -> Option<Bytes> {
        self.pairs.get(&id).map(|pair| pair.api)
    }

    pub fn forget(&mut self, id: AccountId) {
        self.pairs.remove(&id);
    }

    /// Xray's counters begin at 0.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.is_new = true;
    }
}

const fn sum(bytes: Bytes) -> u64 {
    bytes.uplink.saturating_add(bytes.downlink)
}

impl Engine {
    /// Xray's counter of an account that the kernel counts.
    pub(in crate::engine) fn compare(&mut self, id: AccountId, api: Bytes) {
        let mark = self.mark_slot(id).map_or_else(Bytes::default, |(_, reading)| reading);
        let api_began = if self.marks.compared.is_new { Bytes::default() } else { api };
        let new = Pair { api_began, mark_began: mark, api };
        let pair = self.marks.compared.pairs.entry(id).or_insert(new);
        let fell = api.uplink < pair.api.uplink || api.downlink < pair.api.downlink;
        *pair = if fell { new } else { Pair { api, ..*pair } };
    }

    /// Xray runs with other marks since it has begun: what no mark has counted is yet to be booked,
    /// where Xray's counter becomes the account's.
    pub(super) fn take_back_unmarked(&mut self) {
        let ids: Vec<_> = self.marks.compared.pairs.keys().copied().collect();
        for id in ids {
            let now = self.mark_slot(id).map(|(_, reading)| reading);
            let Some(pair) = self.marks.compared.pairs.get_mut(&id) else { continue };
            let now = now.unwrap_or(pair.mark_began);
            let marked = |api: u64, began: u64, mark: u64, mark_began: u64| {
                began + api.saturating_sub(began).min(mark.saturating_sub(mark_began))
            };
            let Pair { api, api_began, mark_began } = *pair;
            pair.api = Bytes {
                uplink: marked(api.uplink, api_began.uplink, now.uplink, mark_began.uplink),
                downlink: marked(
                    api.downlink,
                    api_began.downlink,
                    now.downlink,
                    mark_began.downlink,
                ),
            };
        }
    }

    /// The account that has moved most besides its mark, if any has moved much.
    pub(super) fn unmarked(&self) -> Option<String> {
        let moved = self.marks.compared.pairs.iter().filter_map(|(id, pair)| {
            let (_, reading) = self.mark_slot(*id)?;
            let by_api = sum(pair.api).saturating_sub(sum(pair.api_began));
            let by_mark = sum(reading).saturating_sub(sum(pair.mark_began));
            let besides = by_api.saturating_sub(by_mark);
            let is_much = besides > SLACK_BYTES && besides > by_api / 10;
            is_much.then_some((besides, by_api, id))
        });
        let moved: Vec<_> = moved.collect();
        let (besides, by_api, id) = moved.iter().max()?;
        Some(format!(
            "xray: {} users move bytes that carry no mark and are not counted ({:?} {} MiB of {} MiB): \
             earlier rules send them elsewhere, or their connections are older than the mark",
            moved.len(),
            self.ledger.account(**id).record.name,
            besides >> 20,
            by_api >> 20
        ))
    }
}
