//! What panels put in front of an SSH server, and how a client gets through it.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{
    order::{Order, Place, Role},
    process::{Process, run},
    ssh::Keys,
    wait::{SOON, wait_for},
};

/// A proxy that runs.
#[derive(Debug)]
pub struct Front {
    _process: Process,
    client: String,
}

impl Front {
    /// stunnel: TLS at `port`, SSH behind it.
    #[must_use]
    pub fn stunnel(keys: &Keys, place: Place, port: u16, server: u16) -> Self {
        let (key, cert) = (keys.file("stunnel_key"), keys.file("stunnel_cert"));
        let kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let names = ["-subj", "/CN=stunnel.test", "-days", "2", "-keyout", &key, "-out", &cert];
        run("openssl", &[&["req", "-x509"], &kind[..], &names].concat());
        let config = format!(
            "foreground = yes\npid =\n[ssh]\naccept = 127.0.0.1:{port}\n\
             connect = 127.0.0.1:{server}\ncert = {cert}\nkey = {key}\n"
        );
        let file = keys.file("stunnel.conf");
        std::fs::write(&file, config).unwrap_or_else(|e| panic!("cannot write {file}: {e}"));
        let command = ["stunnel", &file].map(str::to_owned).to_vec();
        let role = Role::Isolated { unmount: Vec::new(), read_only: Vec::new(), command };
        let process = Order::new(place, role).start();
        wait_for("stunnel", SOON, || {
            let said = process.stderr();
            if said.contains("Configuration successful") { Ok(()) } else { Err(said) }
        });
        // It is chatty, and ssh shows its proxy's stderr as its own.
        let client = format!("openssl s_client -quiet -connect 127.0.0.1:{port} 2>/dev/null");
        Self { _process: process, client }
    }

    /// A proxy that says it is a WebSocket; its clients say that they come from `forwarded_for`.
    #[must_use]
    pub fn upgrader(place: Place, port: u16, server: u16, forwarded_for: Ipv4Addr) -> Self {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let role = Role::Upgrader { at: at(port), to: at(server) };
        let (process, _) = Order::new(place, role).listen();
        let ask = Order::new(Place::default(), Role::Upgraded { to: at(port), forwarded_for });
        Self { _process: process, client: ask.for_shell() }
    }

    /// `ProxyCommand` of a client that comes through here.
    #[must_use]
    pub fn client(&self) -> &str {
        &self.client
    }
}
