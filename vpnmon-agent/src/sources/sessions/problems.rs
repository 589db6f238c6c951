//! What a person should know about the sessions that are not known.

use std::fmt::Write as _;

/// Counted since the start.
#[derive(Debug, Default)]
pub struct Counted {
    /// Lines whose claim `/proc` does not bear out.
    pub refused: u64,
    /// The process of the last one.
    pub last_refused: Option<u32>,
    /// Lines about processes that there was no room for.
    pub no_room: u64,
}

impl Counted {
    /// Counts lines about a process that are untrue.
    pub fn refuse(&mut self, pid: u32, lines: u64) {
        self.refused += lines;
        if lines > 0 {
            self.last_refused = Some(pid);
        }
    }
}

/// Sentences about sessions: `nobodys` and `contested` are process ids.
pub fn sentences(counted: &Counted, nobodys: &[u32], contested: &[u32]) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(list) = list(nobodys) {
        sentences.push(format!(
            "dropbear sessions whose user no log line tells, and which are not attributed: {list}; \
             they end with a new login, or name in ssh.auth_log what dropbear logs to"
        ));
    }
    if let Some(list) = list(contested) {
        sentences.push(format!(
            "dropbear sessions that log lines give to several users, and which are not attributed: \
             {list}; somebody here writes log lines: use ssh.auth_log = \"journald\""
        ));
    }
    if counted.refused > 0 {
        let mut text = format!("{} log lines told of logins that are none", counted.refused);
        if let Some(pid) = counted.last_refused {
            // Writing to a string cannot fail.
            let _ = write!(text, ", the last one of process {pid}");
        }
        sentences.push(text);
    }
    if counted.no_room > 0 {
        sentences.push(format!("{} log lines came too fast to be looked at", counted.no_room));
    }
    sentences
}

/// The first few, and how many more.
fn list(pids: &[u32]) -> Option<String> {
    const SHOWN: usize = 8;
    let shown: Vec<_> = pids.iter().take(SHOWN).map(|pid| format!("process {pid}")).collect();
    let more = pids.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!shown.is_empty()).then(|| format!("{}{more}", shown.join(", ")))
}
