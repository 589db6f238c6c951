//! The outside, turned into [`crate::event::Event`]s.

pub mod clock;
pub mod edits;
pub mod sessions;
pub mod users;
