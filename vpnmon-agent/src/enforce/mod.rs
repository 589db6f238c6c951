//! What happens to SSH users who are over their limit, disabled or enabled.
//!
//! [`decide`] says what an account should become, and who is spared; it is pure, and the engine asks
//! it. [`Enforcer`] makes it so: it keeps a list on disk of whom it has begun with, does one step
//! after the other through [`system::System`], looks again whether each has worked, and tries again where
//! not. Every step may be done twice, so a crash between any two is mended by starting over.

pub mod account;
mod act;
pub mod cron;
pub mod decide;
mod job;
pub mod journal;
pub mod panel;
mod passes;
mod system;
#[cfg(test)]
mod tests;

pub use self::{act::Machine, job::Enforcer};
