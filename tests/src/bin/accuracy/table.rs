//! The rows as text.

use std::fmt::Write as _;

use crate::{
    peers::Seen,
    report::{Row, Signed, less},
};

/// Left column, then right-aligned ones: title and width.
const NAME: usize = 20;
const COLUMNS: [(&str, usize); 9] = [
    ("bytes", 6),
    ("truth up", 8),
    ("down", 8),
    ("vpnmon up", 9),
    ("down", 8),
    ("nft up", 9),
    ("ipt up", 9),
    ("nethogs", 7),
    ("vnstat", 7),
];
/// Of everything that is printed.
const WIDTH: usize = 100;

/// Everything, with a legend, the notes and the verdict.
pub fn text(rows: &[Row]) -> String {
    let mut text = line("scenario", &COLUMNS.map(|(title, _)| title.to_owned()));
    for row in rows {
        text += &line(&row.name, &cells(row));
    }
    text += "\n\
        bytes: what programs send and receive of their own, headers not included\n\
        truth: IP bytes on the wire, by nft behind segmentation, by a capture and by the devices\n\
        vpnmon, nft (skuid), iptables (owner): bytes less the truth; the latter two see output only\n\
        nethogs, vnstat: what they saw of up/down, in % of the truth; vnstat sees the interface\n";
    for note in rows.iter().flat_map(|row| &row.notes) {
        text += &wrapped(note, "  ");
    }
    for row in rows.iter().filter(|row| !row.holds()) {
        text += &wrapped(&format!("FAILED {}: {}", row.name, reason(row)), "  ");
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
    if bytes == 0.0 { none() } else { format!("{:.1}MB", bytes / 1e6) }
}

/// In whole percent.
fn share(seen: Option<u64>, truth: u64) -> Option<String> {
    let seen = seen.filter(|_| truth > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let percent = seen as f64 * 100.0 / truth as f64;
    Some(format!("{percent:.0}"))
}

/// Lines of at most [`WIDTH`], the later ones indented.
fn wrapped(words: &str, indent: &str) -> String {
    let (mut text, mut line) = (String::new(), String::new());
    for word in words.split(' ') {
        if !line.trim().is_empty() && line.len() + 1 + word.len() > WIDTH {
            text += &line;
            text += "\n";
            line = indent.to_owned() + word;
        } else if line.is_empty() {
            word.clone_into(&mut line);
        } else {
            line = line + " " + word;
        }
    }
    text + &line + "\n"
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
    let verdict = format!(
        "vpnmon is exact to the byte in {exact} of {all} rows whose every byte has an owner; what \
         it lacks in the others is exactly what has none in {shown} of {designed}"
    );
    wrapped(&verdict, "")
}

#[cfg(test)]
mod tests {
    use vpnmon_tests::status::Bytes;

    use super::*;
    use crate::{report::Row, scenario::SCENARIOS};

    fn row(up: u64, got: u64) -> Row {
        let bytes = |up| Bytes { up, down: 99_999_999 };
        let mut row = Row::failed(&SCENARIOS[0]);
        (row.truth, row.due, row.vpnmon) = (bytes(up), bytes(up), Some(bytes(got)));
        row.payload = 40_000_000;
        row.peers.nft_skuid.up = Some(0);
        row.peers.vnstat = Seen { up: Some(up * 3), down: Some(0) };
        row
    }

    #[test]
    fn lines_fit_and_columns_line_up() {
        let text = text(&[row(99_999_999, 0), row(1, 1)]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let lines: Vec<_> = text.lines().take(3).collect();
        let ends = lines.iter().map(|line| line.trim_end().len());
        assert_eq!(ends.collect::<Vec<_>>(), [WIDTH; 3], "{text}");
        assert_eq!(
            lines[2].split_whitespace().collect::<Vec<_>>(),
            ["tcp", "v4", "40.0MB", "1", "99999999", "0", "0", "-1", "-", "-", "300/0"]
        );
    }

    #[test]
    fn failures_are_named() {
        let text = text(&[row(5, 4)]);
        assert!(text.contains("FAILED tcp v4: vpnmon shows 4 up"), "{text}");
        assert!(text.contains("in 0 of 1 rows"), "{text}");
    }

    #[test]
    fn words_are_never_cut() {
        let long = "x".repeat(WIDTH + 1);
        assert_eq!(wrapped(&format!("a {long} b"), " "), format!("a\n {long}\n b\n"));
        assert_eq!(wrapped("", " "), "\n");
    }
}
