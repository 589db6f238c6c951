//! A user whose every byte is known.

use std::time::Duration;

use super::machine::Machine;
use crate::failure::{Failure, OrFail, Result};

/// IP and UDP headers, and what the script puts behind them.
const DATAGRAM_BYTES: u64 = 20 + 8 + PAYLOAD_BYTES;
const PAYLOAD_BYTES: u64 = 1000;
/// How long a count may be behind: drains take 10 ms, writes a second.
const WRITTEN: Duration = Duration::from_secs(10);
/// One datagram a round, and the number of them at the end. A write that fails has sent nothing.
const SCRIPT: &str = "#!/bin/bash
payload=$(printf '%01000d' 0)
sent=0
exec 3>/dev/udp/192.0.2.2/9
while [ ! -e /run/enough ]; do
    printf %s \"$payload\" >&3 && sent=$((sent + 1))
done
echo $sent >/home/alice/sent
";

/// A running sender; the network and the account are the machine's from now on.
pub struct Sender<'a> {
    machine: &'a Machine,
}

impl<'a> Sender<'a> {
    /// A default route that leads nowhere, an account, and a service of its that sends.
    pub fn start(machine: &'a Machine) -> Result<Self> {
        let script = SCRIPT.replace('\'', "'\\''");
        machine.run(&format!(
            "printf %s '{script}' >/usr/local/bin/sender; chmod 755 /usr/local/bin/sender"
        ))?;
        machine.run("systemd-run --unit=sender --uid=alice /usr/local/bin/sender")?;
        let sender = Self { machine };
        sender.wait_more(0)?;
        Ok(sender)
    }

    /// Waits until more than `bytes` are in the account's file, and gives what is.
    pub fn wait_more(&self, bytes: u64) -> Result<u64> {
        let is_more = |said: &str| uplink(said).is_some_and(|uplink| uplink > bytes);
        let said = self.machine.wait("cat /etc/myvpn/usage/alice.json", WRITTEN, is_more)?;
        Ok(uplink(&said).unwrap_or_default())
    }

    /// Ends it and compares: the bytes sent, which must be the bytes counted.
    pub fn settle(self) -> Result<u64> {
        self.machine.run("touch /run/enough")?;
        let ended = |said: &str| said.parse::<u64>().is_ok();
        let sent = self.machine.wait("cat /home/alice/sent", WRITTEN, ended)?;
        let sent: u64 = sent.trim().parse().or_fail("reading what was sent", "run it again")?;
        let expected = sent * DATAGRAM_BYTES;
        let is_there = |said: &str| uplink(said).is_some_and(|uplink| uplink >= expected);
        let said = self.machine.wait("cat /etc/myvpn/usage/alice.json", WRITTEN, is_there)?;
        let counted = uplink(&said).unwrap_or_default();
        if counted == expected {
            return Ok(sent);
        }
        let why = format!("{expected} bytes were sent, {counted} counted");
        Err(Failure::new("counting over an upgrade", why, "see the journal"))
    }
}

fn uplink(usage: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(usage).ok()?["uplink"].as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_sends_what_is_reckoned_with() {
        assert!(SCRIPT.contains(&format!("'%0{PAYLOAD_BYTES}d'")));
        assert_eq!(uplink(r#"{"uplink": 7}"#), Some(7));
        assert_eq!(uplink("{"), None);
    }
}
