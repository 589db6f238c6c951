//! The tracker against logs and a `/proc` made of files.

mod fake;
mod files;
mod forged;
mod parsed;
mod tracked;
