//! Real SSH servers, users who may log in to them, and clients.

mod client;
mod keys;
mod server;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

pub use self::{
    client::{Login, Proof},
    keys::{Keys, SshUser},
    server::{LogTo, SshServer, Stand},
};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// sshd.
    OpenSsh,
    /// The machine's dropbear, which stays root.
    Dropbear,
    /// dropbear 2025.89, which becomes the user.
    NewDropbear,
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    let mode = Permissions::from_mode(mode);
    fs::set_permissions(path, mode).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}
