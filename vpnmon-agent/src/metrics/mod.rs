//! Prometheus' view of the agent: `/metrics` over HTTP, from one snapshot a scrape.

mod families;
mod process;
mod server;
#[cfg(test)]
mod tests;
mod text;

pub use self::server::{Server, Wanted};
