//! vpnmon's agent and its command line: the library behind the one binary.
//!
//! A packet's way through it: `kernel` reads the counters that the programs keep, `sources` turn
//! the outside into events, the `engine` books them in the `ledger`, and `view` shows them to the
//! outside through `control` and `cli`.
//!
//! It is a library only so that [`fuzz`] can be called from beside; nothing here is an interface.

mod cli;
mod config;
mod control;
mod daemon;
mod doctor;
mod engine;
mod escape;
mod event;
#[doc(hidden)]
pub mod fuzz;
mod kernel;
mod ledger;
mod legacy;
mod model;
mod session;
mod sources;
mod time;
mod ui;
mod users;
mod view;

pub use cli::main;

/// What the system tests drive by itself; no interface either.
#[doc(hidden)]
pub mod seam {
    pub use crate::{
        config::AuthLog,
        sources::{clock::Clock, sessions},
        time::Now,
    };
}
