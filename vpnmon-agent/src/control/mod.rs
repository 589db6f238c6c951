//! The control socket: one JSON request a line, one JSON answer a line.

pub mod client;
pub mod server;

use serde::{Deserialize, Serialize};

use crate::{model::Imported, view};

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
    },
}

/// What the agent says to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Box<view::Status>),
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
