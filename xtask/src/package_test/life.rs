//! The steps, each of which must hold before the next.

use std::{
    collections::{HashSet, hash_set::Difference},
    time::{Duration, Instant},
};

use super::{FIRST, NEWER, NEWER_SUFFIX, machine::Machine, sender::Sender, tell};
use crate::failure::{Failure, Result};

const UNIT: &str = "vpnmon-agent.service";
const START: Duration = Duration::from_secs(30);
/// Everything on disk but what any program changes; what dpkg itself knows of a package is no file
/// of the package.
const FILES: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path \
                     /tmp -o -path /root -o -path /home/alice -o -path /var/log -o -path \
                     /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path \
                     /var/lib/systemd -o -path /usr/local/bin/sender \\) -prune -o -print | sort";
/// A watchdog that bites while a test waits, in place of the unit's 30 s.
const HASTY: &str = "mkdir -p /run/systemd/system/vpnmon-agent.service.d && \
                     printf '[Service]\\nWatchdogSec=3\\n' \
                     >/run/systemd/system/vpnmon-agent.service.d/hasty.conf && \
                     systemctl daemon-reload && systemctl restart vpnmon-agent";

/// Lives it.
pub fn live(machine: &Machine) -> Result<()> {
    let started = Instant::now();
    prepare(machine)?;
    let before = machine.run(FILES)?;
    install(machine)?;
    tell("installed, active, doctor content", started);
    let sender = Sender::start(machine)?;
    survive(machine, &sender)?;
    tell("killed and hung, and back, under traffic", started);
    upgrade(machine, &sender)?;
    let sent = sender.settle()?;
    tell(&format!("upgraded under traffic: {sent} datagrams sent, each of them counted"), started);
    exceed(machine)?;
    tell("an account over its limit: deleted with all that was its", started);
    remove(machine)?;
    tell("removed: out of the kernel, usage kept", started);
    purge(machine, &before)?;
    tell("purged: no file, no pin, no program left", started);
    Ok(())
}

/// What a server has: a network, an account, and the old panel's program.
fn prepare(machine: &Machine) -> Result<()> {
    machine.run(
        "ip link set lo up && ip link add eth0 type veth peer name far && \
         ip link set eth0 up && ip link set far up && ip addr add 192.0.2.1/24 dev eth0 && \
         ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev eth0 && \
         ip route add default via 192.0.2.2",
    )?;
    machine.run("useradd --create-home --shell /bin/false alice")?;
    machine.run("echo panel >/usr/bin/cek-bw-limit")?;
    Ok(())
}

fn install(machine: &Machine) -> Result<()> {
    machine.run(&format!("apt-get install -y {FIRST}"))?;
    expect(machine, &format!("systemctl is-active {UNIT}"), "active")?;
    expect(machine, &format!("systemctl is-enabled {UNIT}"), "enabled")?;
    expect(machine, "systemctl is-active bw-limit-check host-capture", "active\nactive")?;
    expect(
        machine,
        "systemd-analyze verify --man=no vpnmon-agent.service 2>&1 | grep vpnmon; true",
        "",
    )?;
    machine.run("vpnmon-agent doctor")?;
    machine.run("vpnmon-agent status --json")?;
    expect(machine, "cat /usr/bin/cek-bw-limit.panel", "panel")?;
    expect(machine, "dpkg --verify vpnmon", "")?;
    let attached = machine.programs()?;
    check("programs at the cgroup", attached.contains("egress"), &attached)
}

/// Two ways to die that no agent can do anything about.
fn survive(machine: &Machine, sender: &Sender<'_>) -> Result<()> {
    machine.run(HASTY)?;
    for signal in ["KILL", "STOP"] {
        let pid = main_pid(machine)?;
        machine.run(&format!("kill -{signal} {pid}"))?;
        let is_other = |said: &str| said != pid && said != "0";
        machine.wait(&main_pid_line(), START, is_other)?;
        machine.wait(&format!("systemctl is-active {UNIT}"), START, |said| said == "active")?;
        let counted = sender.wait_more(0)?;
        sender.wait_more(counted)?;
    }
    machine.run("rm -r /run/systemd/system/vpnmon-agent.service.d && systemctl daemon-reload")?;
    Ok(())
}

fn upgrade(machine: &Machine, sender: &Sender<'_>) -> Result<()> {
    let pid = main_pid(machine)?;
    machine.run(&format!("apt-get install -y {NEWER}"))?;
    let version = machine.run("dpkg-query -W -f '${Version}' vpnmon")?;
    check("the newer version", version.ends_with(NEWER_SUFFIX), &version)?;
    expect(machine, &format!("systemctl is-active {UNIT}"), "active")?;
    check("another process", main_pid(machine)? != pid, &pid)?;
    let counted = sender.wait_more(0)?;
    sender.wait_more(counted)?;
    Ok(())
}

/// Whether the service may do what deleting takes.
fn exceed(machine: &Machine) -> Result<()> {
    machine.run("useradd --create-home --shell /bin/false bob && touch /var/mail/bob")?;
    machine.run("echo '* * * * * true' | crontab -u bob -")?;
    machine.run("vpnmon-agent limit set bob 1MB")?;
    machine.run(
        "systemd-run --unit=greedy --uid=bob bash -c \
         'exec 3>/dev/udp/192.0.2.2/9; while :; do printf %01000d 0 >&3; done'",
    )?;
    machine.wait("getent passwd bob; true", START, str::is_empty)?;
    expect(machine, "ls -d /home/bob /var/mail/bob 2>/dev/null; true", "")?;
    expect(machine, "ls /var/spool/cron/crontabs", "")?;
    expect(machine, "systemctl is-active --quiet greedy && echo lives; true", "")?;
    expect(machine, "grep -c delete-step-failed /etc/myvpn/events.jsonl; true", "0")
}

fn remove(machine: &Machine) -> Result<()> {
    machine.run("apt-get remove -y vpnmon")?;
    expect(machine, "find /sys/fs/bpf -mindepth 1 ! -name '*.debug'", "")?;
    let attached = machine.programs()?;
    check("no program at the cgroup", attached.is_empty(), &attached)?;
    expect(machine, "tc qdisc show dev eth0 | grep clsact; true", "")?;
    expect(machine, "cat /usr/bin/cek-bw-limit", "panel")?;
    machine.run("test -s /etc/myvpn/usage/alice.json && test -s /etc/vpnmon/config.toml")?;
    Ok(())
}

fn purge(machine: &Machine, before: &str) -> Result<()> {
    machine.run("apt-get purge -y vpnmon")?;
    let after = machine.run(FILES)?;
    let (before, after): (HashSet<_>, HashSet<_>) =
        (before.lines().collect(), after.lines().collect());
    let list = |files: Difference<'_, &str, _>| files.copied().collect::<Vec<_>>().join(" ");
    let left = list(after.difference(&before));
    let gone = list(before.difference(&after));
    check("no file left", left.is_empty(), &left)?;
    check("no other file gone", gone.is_empty(), &gone)?;
    expect(machine, "ls /run/vpnmon 2>/dev/null; true", "")?;
    expect(machine, "systemctl list-units --all --plain --no-legend 'vpnmon*'", "")
}

fn main_pid_line() -> String {
    format!("systemctl show --property=MainPID --value {UNIT}")
}

fn main_pid(machine: &Machine) -> Result<String> {
    Ok(machine.run(&main_pid_line())?.trim().to_owned())
}

fn expect(machine: &Machine, line: &str, expected: &str) -> Result<()> {
    let said = machine.run(line)?;
    check(&format!("`{line}`"), said.trim() == expected, &said)
}

fn check(what: &str, holds: bool, said: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Failure::new(what, format!("does not hold: {}", said.trim()), "see the journal"))
}
