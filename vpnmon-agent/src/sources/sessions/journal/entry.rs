//! One line of `journalctl -o json`.

use serde::{Deserialize, de::IgnoredAny};

use crate::sources::sessions::{Login, Server, message, stamp::Stamp, syslog};

/// The fields that are read.
#[derive(Debug, Deserialize)]
pub struct Entry {
    #[serde(rename = "__CURSOR")]
    /// Where to go on after it.
    pub cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: String,
    #[serde(rename = "MESSAGE", default)]
    message: Field,
    #[serde(rename = "_PID", default)]
    pid: Field,
    #[serde(rename = "_COMM", default)]
    comm: Field,
    #[serde(rename = "_EXE", default)]
    exe: Field,
}

/// Text; bytes where it is not UTF-8; something else where it is too long, or there twice.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Bytes(Vec<u8>),
    Other(IgnoredAny),
    #[default]
    #[serde(skip)]
    Missing,
}

impl Field {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            Self::Other(_) | Self::Missing => &[],
        }
    }
}

impl Entry {
    /// Reads a line.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The login it tells of, by whom the kernel says wrote it.
    pub fn login(&self) -> Option<Login> {
        let program = match self.exe.bytes() {
            // Where the journal may not look at it.
            [] => self.comm.bytes(),
            path => path.rsplit(|byte| *byte == b'/').next()?,
        };
        let server = Server::of_program(program)?;
        let pid = syslog::pid(self.pid.bytes())?;
        let text = match syslog::own_header(self.message.bytes()) {
            // `dropbear -E`, as Debian's unit has it.
            Some((inner, Server::Dropbear, _, text)) if server == Server::Dropbear => {
                (inner == pid).then_some(text)?
            }
            _ => self.message.bytes(),
        };
        let said = message::accepted(server, text)?;
        let at = self.microseconds.parse().ok().map(|it: u64| Stamp::Unix(it / 1_000_000));
        Some(Login { pid, server, at, said })
    }
}
