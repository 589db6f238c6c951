//! The rows as text.

use std::fmt::Write as _;

use crate::{
    peers::Seen,
    report::{Row, Signed, less},
};

/// Left column, then right-aligned ones: title and width.
const NAME: usize = 20;
const COLUMNS: [(&str, usize); 9] = [
    ("payload", 8),
    ("truth up", 9),
    ("down", 9),
    ("vpnmon up", 9),
    ("down", 8),
    ("nft up", 8),
    ("iptab. up", 9),
    ("nethogs", 8),
    ("vnstat", 8),
];

/// Everything, with a legend, the notes and the verdict.
pub fn text(rows: &[Row]) -> String {
    let mut text = line("scenario", &COLUMNS.map(|(title, _)| title.to_owned()));
    for row in rows {
        text += &line(&row.name, &cells(row));
    }
    text += "\n\
        truth: IP bytes on the wire by nft counters behind segmentation and by a packet capture\n\
        vpnmon, nft (skuid), iptables (owner): bytes less the truth; the latter two see output only\n\
        nethogs, vnstat: what they saw of up/down, in % of the truth; vnstat sees the interface\n";
    for note in rows.iter().flat_map(|row| &row.notes) {
        text += &wrapped(note);
    }
    for row in rows.iter().filter(|row| !row.holds()) {
        let _ = writeln!(text, "FAILED {}: {}", row.name, reason(row));
    }
    text + &verdict(rows)
}

fn line(name: &str, cells: &[String]) -> String {
    let mut line = format!("{name:<NAME$}");
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        let _ = write!(line, " {cell:>width$}");
    }
    line.trim_end().to_owned() + "\n"
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let error = row.error();
    let signed = |of: fn(Signed) -> i64| error.map_or_else(none, |e| plus(of(e)));
    let output = |seen: Seen| seen.up.map_or_else(none, |up| plus(less(up, row.truth.up)));
    let of_all = |seen: Seen| match (share(seen.up, row.truth.up), share(seen.down, row.truth.down))
    {
        (None, None) => none(),
        (up, down) => format!("{}/{}", up.unwrap_or_else(none), down.unwrap_or_else(none)),
    };
    [
        size(row.payload),
        row.truth.up.to_string(),
        row.truth.down.to_string(),
        signed(|error| error.up),
        signed(|error| error.down),
        output(row.peers.nft_skuid),
        output(row.peers.iptables_owner),
        of_all(row.peers.nethogs),
        of_all(row.peers.vnstat),
    ]
}

fn none() -> String {
    "-".to_owned()
}

fn plus(bytes: i64) -> String {
    if bytes == 0 { "0".to_owned() } else { format!("{bytes:+}") }
}

fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let bytes = bytes as f64;
    if bytes == 0.0 { none() } else { format!("{:.2} MB", bytes / 1e6) }
}

/// In whole percent.
fn share(seen: Option<u64>, truth: u64) -> Option<String> {
    let seen = seen.filter(|_| truth > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let percent = seen as f64 * 100.0 / truth as f64;
    Some(format!("{percent:.0}"))
}

/// At most 100 columns.
fn wrapped(note: &str) -> String {
    const WIDTH: usize = 100;
    let (mut text, mut column) = (String::new(), 0);
    for word in note.split(' ') {
        if column + word.len() + 1 > WIDTH {
            text += "\n ";
            column = 1;
        }
        if column > 0 {
            text += " ";
        }
        text += word;
        column += word.len() + 1;
    }
    text + "\n"
}

fn reason(row: &Row) -> String {
    if !row.doubts.is_empty() {
        return format!("the truth is in doubt: {}", row.doubts.join("; "));
    }
    match row.vpnmon {
        None => "came to no end, see above".to_owned(),
        Some(got) => format!(
            "vpnmon shows {} up, {} down where {} and {} are due",
            got.up, got.down, row.due.up, row.due.down
        ),
    }
}

fn verdict(rows: &[Row]) -> String {
    let count = |attributable| {
        let of_kind = || rows.iter().filter(move |row| row.attributable == attributable);
        (of_kind().filter(|row| row.holds()).count(), of_kind().count())
    };
    let ((exact, all), (shown, designed)) = (count(true), count(false));
    format!(
        "vpnmon is exact to the byte in {exact} of {all} rows whose every byte has an owner; in \
         {shown} of {designed} others\nwhat it lacks is exactly what has none\n"
    )
}
