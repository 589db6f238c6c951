//! Deterministic traffic for the system tests. See `vpnmon_tests::order`.

#![expect(clippy::print_stdout, reason = "stdout is how a test follows the traffic")]

mod between;
mod burst;
mod container;
mod hop;
mod isolated;
mod many;
mod pace;
mod place;
mod proxy;
mod raw;
mod sessions;
mod tcp;
mod udp;
mod ways;

use std::io;

use vpnmon_tests::order::{Order, Role};

fn main() -> io::Result<()> {
    let text =
        std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: vpnmon-traffic ORDER"))?;
    let Order { place, role, pace } = serde_json::from_str(&text)?;
    place::enter(&place)?;
    pace::set(pace);
    play(role)
}

fn play(role: Role) -> io::Result<()> {
    match role {
        Role::TcpListen { at, exchange, connections } => tcp::listen(at, exchange, connections),
        Role::TcpConnect { to, exchange, retry } => tcp::connect(to, exchange, retry),
        Role::TcpRefused { to } => tcp::refused(to),
        Role::TcpBetween { client, server, v6, up, down } => {
            between::talk((client, up), (server, down), v6)
        }
        Role::TcpMany { to, exchange, connections } => tcp::many(to, exchange, connections),
        Role::TcpSend { to, way, bytes } => ways::send(to, way, bytes),
        Role::TcpProxy { at, to } => proxy::serve(at, to),
        Role::BurstAnswer { at, bursts, shape } => burst::answer(at, bursts, shape),
        Role::BurstAsk { to, bursts, shape } => burst::ask(to, bursts, shape),
        Role::Ping { to, packets, payload } => raw::ping(to, packets, payload),
        Role::FrameSend { device, from, to, packets, payload } => {
            raw::frames(&device, from, to, packets, payload)
        }
        Role::Hop { devices, lose_one_in, delay_one_in } => {
            hop::pass(&devices, lose_one_in, delay_one_in)
        }
        Role::Container { inside, until, then } => {
            container::enter(inside, &until)?;
            play(*then)
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
