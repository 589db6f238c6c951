//! Deterministic traffic for the system tests. See `vpnmon_tests::order`.

#![expect(clippy::print_stdout, reason = "stdout is how a test follows the traffic")]

mod between;
mod burst;
mod container;
mod flood;
mod hop;
mod isolated;
mod many;
mod mptcp;
mod pace;
mod piped;
mod place;
mod proxy;
mod raw;
mod sessions;
mod socks;
mod tcp;
mod tunnel;
mod udp;
mod upgrade;
mod visits;
mod ways;

use std::{io, time::Duration};

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
        Role::TcpAnswer { at, exchange } => tcp::answer(at, exchange),
        Role::TcpConnect { to, exchange, retry } => tcp::connect(to, exchange, retry),
        Role::MptcpListen { at, exchange } => mptcp::listen(at, exchange),
        Role::MptcpConnect { to, exchange } => mptcp::connect(to, exchange),
        Role::TcpVisit { to, name, exchange } => tcp::visit(to, &name, exchange),
        Role::SocksConnect { proxy, to, exchange } => socks::connect(proxy, to, exchange),
        Role::Piped { command, exchange } => piped::run(&command, exchange),
        Role::TcpRefused { to } => tcp::refused(to),
        Role::TcpBetween { client, server, v6, up, down } => {
            between::talk((client, up), (server, down), v6)
        }
        Role::TcpMany { to, exchange, connections } => tcp::many(to, exchange, connections),
        Role::TcpSend { to, way, bytes } => ways::send(to, way, bytes),
        Role::TcpProxy { at, to } => proxy::serve(at, to),
        Role::Upgrader { at, to } => upgrade::serve(at, to),
        Role::Upgraded { to, forwarded_for } => upgrade::ask(to, forwarded_for),
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
        Role::Tunnel { ends } => tunnel::pass(&ends),
        Role::UdpEcho { at, datagrams } => udp::echo(at, datagrams),
        Role::UdpSend { to, rounds, sends, segment } => udp::send(to, rounds, &sends, segment),
        Role::UdpSay { to, datagrams } => udp::say(to, &datagrams),
        Role::UdpFlood { to, threads, payload, refusals, most } => {
            flood::send(to, threads, payload, (refusals, most))
        }
        Role::UdpSink { at } => flood::swallow(at),
        Role::ManyUids { first, count, payload, mark } => {
            many::send(first..first + count, payload, mark)
        }
        Role::Visits { to, domain, count, a_connection, pause_ms } => {
            let pause = Duration::from_millis(pause_ms);
            visits::visit(to, &domain, (count, a_connection), pause)
        }
        Role::Datagrams { to, payload, count, pause_us, millis } => {
            let pause = Duration::from_micros(pause_us);
            visits::send(to, &payload, count, pause, Duration::from_millis(millis))
        }
        Role::Isolated { unmount, read_only, command } => {
            isolated::become_command(&unmount, &read_only, &command)
        }
        Role::Logged { log, libraries, command } => {
            isolated::become_logged(&log, libraries.as_deref(), &command)
        }
        Role::Journald => isolated::become_journald(),
        Role::SessionServer { at, over_mptcp } => sessions::serve(at, over_mptcp),
        Role::Session => sessions::be_one(),
    }
}
