//! The outside, turned into [`crate::event::Event`]s.

pub mod admins;
pub mod clock;
pub mod edits;
pub mod network;
pub mod own_names;
pub mod reach;
pub mod sessions;
pub mod users;
pub mod wireguard;
pub mod xray;
