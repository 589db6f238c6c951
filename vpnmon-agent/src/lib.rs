//! vpnmon's agent and its command line: the library behind the one binary.
//!
//! A packet's way through it: `kernel` reads the counters that the programs keep, `sources` turn
//! the outside into events, the `engine` books them in the `ledger`, and `view` shows them to the
//! outside through `control` and `cli`.
//!
//! It is a library only so that [`fuzz`] can be called from beside; nothing here is an interface.

mod admins;
mod cli;
mod config;
mod control;
mod daemon;
mod doctor;
mod enforce;
mod engine;
mod escape;
mod event;
#[doc(hidden)]
pub mod fuzz;
mod history;
mod hosts;
mod kernel;
mod ledger;
mod legacy;
mod metrics;
mod model;
mod network;
mod notify;
mod order;
mod session;
mod sources;
mod time;
mod ui;
mod users;
mod view;
mod xray;

pub use cli::main;

/// What the system tests and the examples drive by itself; no interface either.
#[doc(hidden)]
pub mod seam {
    pub use crate::{
        cli::FullScreen,
        config::AuthLog,
        history::History,
        hosts::{dns, name::HostName, quic},
        ledger::recorded::Mark,
        model::{
            AccountKey, Bytes, Service,
            report::{By, Query},
        },
        sources::{clock::Clock, sessions},
        time::{Now, local_date, wall},
    };
}
