//! The control socket: one JSON request a line, one JSON answer a line.

pub mod client;
pub mod server;
pub mod watch;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    model::{
        Imported,
        look::Look,
        report::Query,
        sighting::{HostFilter, ImportedHost},
    },
    view,
};

/// Longest request line: an import of some hundred thousand accounts.
const MAX_REQUEST_BYTES: u64 = 64 << 20;

/// What a command asks of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The document of `status`, of all accounts or of the one named.
    Status {
        /// `name` or `service:name`.
        account: Option<String>,
        /// With the hosts that the account named has been to.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hosts: bool,
    },
    /// Usage back to 0, of all accounts or of the one named.
    Reset {
        /// `name` or `service:name`.
        account: Option<String>,
    },
    /// Accounts of the old panel.
    Import {
        /// As its files have them.
        accounts: Vec<Imported>,
    },
    /// New limits for one account; what is not named stays.
    Limit {
        /// `name` or `service:name`.
        account: String,
        /// Bytes a day; 0 is unlimited.
        daily: Option<u64>,
        /// Bytes in all; 0 is unlimited.
        total: Option<u64>,
        /// Uids of whoever asks: nobody locks themselves out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        invokers: Vec<u32>,
    },
    /// Lock an account out.
    Disable {
        /// `name` or `service:name`.
        account: String,
        /// As with [`Request::Limit`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        invokers: Vec<u32>,
    },
    /// Let an account in again, or all that are disabled.
    Enable {
        /// `name` or `service:name`.
        account: Option<String>,
    },
    /// The document of `hosts list`.
    Hosts {
        /// Which.
        filter: HostFilter,
    },
    /// [`watch::Watched`] lines from now on, until the connection ends.
    WatchHosts {
        /// Which.
        filter: HostFilter,
    },
    /// The document of `report`.
    Report(Query),
    /// The part of the accounts or hosts that a screen shows.
    Look(Look),
    /// Put a host there by hand.
    AddHost {
        /// As typed.
        host: String,
        /// As typed.
        service: Option<String>,
        /// The client.
        source_ip: Option<IpAddr>,
    },
    /// Forget a host.
    RemoveHost {
        /// As typed.
        host: String,
    },
    /// Forget all hosts.
    ClearHosts,
    /// Switch the capture.
    CaptureHosts {
        /// Or off.
        on: bool,
    },
    /// Hosts of the old panel.
    ImportHosts {
        /// As its files have them.
        hosts: Vec<ImportedHost>,
    },
}

impl Request {
    /// Whether it only asks.
    #[must_use]
    pub const fn is_question(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::Hosts { .. }
                | Self::WatchHosts { .. }
                | Self::Look(_)
                | Self::Report(_)
        )
    }
}

/// What the agent says to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Box<view::Status>),
    /// To [`Request::Hosts`].
    Hosts(Vec<view::hosts::Host>),
    /// To [`Request::Look`].
    Screen(Box<view::screen::Screen>),
    /// To [`Request::Report`].
    Report(Box<view::report::Report>),
    /// To [`Request::WatchHosts`]; whatever happens after this is shown.
    Watching,
    /// To [`Request::ImportHosts`]: so many are new.
    NewHosts(usize),
    /// It is done; what, in words.
    Done(String),
    /// It cannot be done.
    Refused {
        /// Exit code of the command, as the contract lists them.
        code: u8,
        /// What, why, what to do next.
        message: String,
    },
}
