//! What stands above and below the table.

use jiff::ZonedDateTime;

use super::{super::color::YELLOW, TableStyle, paint_if};
use crate::{
    escape::{escaped, fitted, width},
    view::{Agent, Hooks, Status},
};

/// The agent in one line; what does not fit is left out from the end.
pub fn header(status: &Status, style: TableStyle, now: &ZonedDateTime) -> String {
    let agent = &status.agent;
    let mut line = fitted(&format!("vpnmon {}", agent.version), style.width);
    let parts = [
        format!("kernel {}", release(&agent.kernel)),
        format!("up {}", uptime(agent, now)),
        accounts(status.accounts.len()),
        format!("usage {}", agent.usage),
        now.strftime("%F %T").to_string(),
    ];
    for part in parts {
        let longer = format!("{line}  {}", escaped(&part));
        if width(&longer) > style.width {
            break;
        }
        line = longer;
    }
    line
}

/// `6.18` of `6.18.44-cloud-amd64`.
fn release(kernel: &str) -> &str {
    kernel.match_indices('.').nth(1).map_or(kernel, |(second, _)| &kernel[..second])
}

fn uptime(agent: &Agent, now: &ZonedDateTime) -> String {
    let now = u64::try_from(now.timestamp().as_second()).unwrap_or_default();
    match now.saturating_sub(agent.started) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

fn accounts(count: usize) -> String {
    if count == 1 { "1 account".into() } else { format!("{count} accounts") }
}

/// What works less well, then where the programs are.
pub fn footer(status: &Status, style: TableStyle) -> Vec<String> {
    let degraded = status.agent.degraded.iter().flat_map(|reason| {
        let lines = wrapped(&format!("degraded: {reason}"), style.width);
        lines.into_iter().map(|line| paint_if(style.color, &line, YELLOW))
    });
    degraded.chain(wrapped(&hooks(&status.agent.hooks), style.width)).collect()
}

fn hooks(hooks: &Hooks) -> String {
    let tc = if hooks.tc.is_empty() { "none".into() } else { hooks.tc.join(" ") };
    format!("hooks: cgroup {}, tc {tc}", hooks.cgroup_skb)
}

/// `text` in lines of `columns`, broken between words; the second on indented.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let word = escaped(word);
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&word) <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(_) => lines.push(fitted(&format!("  {word}"), columns)),
            None => lines.push(fitted(&word, columns)),
        }
    }
    lines
}
