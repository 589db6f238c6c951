//! Deterministic traffic for the system tests. See `vpnmon_tests::order`.

#![expect(clippy::print_stdout, reason = "stdout is how a test follows the traffic")]

mod between;
mod isolated;
mod many;
mod place;
mod sessions;
mod tcp;
mod udp;

use std::io;

use vpnmon_tests::order::{Order, Role};

fn main() -> io::Result<()> {
    let text =
        std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: vpnmon-traffic ORDER"))?;
    let Order { place, role } = serde_json::from_str(&text)?;
    place::enter(&place)?;
    match role {
        Role::TcpListen { at, exchange, connections } => tcp::listen(at, exchange, connections),
        Role::TcpConnect { to, exchange, retry } => tcp::connect(to, exchange, retry),
        Role::TcpRefused { to } => tcp::refused(to),
        Role::TcpBetween { client, server, v6, up, down } => {
            between::talk((client, up), (server, down), v6)
        }
        Role::UdpEcho { at, datagrams } => udp::echo(at, datagrams),
        Role::UdpSend { to, rounds, sends, segment } => udp::send(to, rounds, &sends, segment),
        Role::ManyUids { first, count, payload } => many::send(first..first + count, payload),
        Role::Isolated { unmount, read_only, command } => {
            isolated::become_command(&unmount, &read_only, &command)
        }
        Role::Logged { log, command } => isolated::become_logged(&log, &command),
        Role::Journald => isolated::become_journald(),
        Role::SessionServer { at } => sessions::serve(at),
        Role::Session => sessions::be_one(),
    }
}
