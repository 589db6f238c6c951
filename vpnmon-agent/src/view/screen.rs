//! What `top` shows: the part of the accounts or hosts that is on its screen, and the sums of all.
//!
//! It goes over the control socket only, between a `top` and an agent of one version.

use serde::{Deserialize, Serialize};

use super::{Account, Agent, hosts::Host};

/// The answer to a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// The agent about itself.
    pub agent: Agent,
    /// Of all accounts.
    pub totals: Totals,
    /// Whether hosts are captured.
    pub captures: bool,
    /// Unix time of the agent, in seconds.
    pub now: u64,
    /// What was asked for.
    pub shown: Shown,
}

/// Sums of all accounts, whatever is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many there are.
    pub accounts: usize,
    /// Those with a session.
    pub online: usize,
    /// Those in state `warning`.
    pub warning: usize,
    /// Those in state `exceeded`.
    pub exceeded: usize,
    /// Those in state `disabled`.
    pub disabled: usize,
    /// Bits per second over the last second; `None` before the first is over.
    pub uplink_bps: Option<u64>,
    /// Bits per second over the last second.
    pub downlink_bps: Option<u64>,
    /// Hosts that are kept.
    pub hosts: usize,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Accounts.
    Accounts(Rows<Account>),
    /// Hosts.
    Hosts(Rows<Host>),
    /// One account and where it has been.
    Account {
        /// Its row.
        account: Box<Account>,
        /// Where it has been, the latest first.
        hosts: Rows<Host>,
    },
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the rows are what there is")]
pub struct Rows<Row> {
    /// Rows that the whole list has.
    pub matching: usize,
    /// Rows before the first one.
    pub offset: usize,
    /// The part.
    pub rows: Vec<Row>,
}
