//! The outside, turned into [`crate::event::Event`]s.

pub mod clock;
pub mod edits;
pub mod users;
