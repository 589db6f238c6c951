//! The tables for people, and their place in a document.

use std::{fmt::Write as _, fs, io, path::Path};

use crate::{
    figures::Figure,
    results::{AgentRow, Results, Row},
};

const BEGIN: &str = "<!-- bench: from here to the end mark, `cargo xtask bench` writes -->";
const END: &str = "<!-- bench: end -->";

/// All tables, in Markdown.
pub fn tables(results: &Results) -> String {
    let mut text = heading(results);
    aims(&mut text, results);
    let path = ["Packet path, one UDP send of 64 bytes", "× bare", "ns a packet"];
    table(&mut text, path, &results.path, |row| (two(row.ratio), spread(row.value)));
    let above = ["Program above the empty one", "× 1 account", "ns a run"];
    table(&mut text, above, &results.above_empty, |row| (two(row.ratio), spread(row.value)));
    let whole = ["Program, the kernel's measuring included", "× 1 account", "ns a run"];
    table(&mut text, whole, &results.programs, |row| (two(row.ratio), spread(row.value)));
    let bulk = ["TCP bulk transfer, both ends metered", "× bare", "Gbit/s"];
    table(&mut text, bulk, &results.throughput, |row| (three(row.ratio), spread(row.value)));
    let short = ["TCP connections, both ends metered", "× bare", "connections a second"];
    table(&mut text, short, &results.connections, |row| (three(row.ratio), spread(row.value)));
    let visits = ["TCP connections with a ClientHello", "× not captured", "connections a second"];
    table(&mut text, visits, &results.visits, |row| (three(row.ratio), spread(row.value)));
    agents(&mut text, &results.agents);
    text
}

/// Puts `text` between the marks of the document, or, where there are none, at its end.
pub fn insert(file: &Path, text: &str) -> io::Result<()> {
    let old = fs::read_to_string(file)?;
    let (before, after) = match (old.split_once(BEGIN), old.split_once(END)) {
        (Some((before, _)), Some((_, after))) => (before, after),
        _ => (old.as_str(), "\n"),
    };
    fs::write(file, format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))
}

fn heading(results: &Results) -> String {
    let host = &results.host;
    format!(
        "Made by `{}` on {}: {} × {}, {} GiB, {}, kernel {}, {}, {}; load average at the start {}, \
         other cgroup programs loaded: {}. Medians over rounds, the middle eight tenths in \
         brackets.\n",
        results.command,
        results.date,
        host.cpus,
        host.processor,
        host.memory_gib,
        host.system,
        host.kernel,
        host.iptables,
        host.nftables,
        host.load,
        host.other_programs
    )
}

fn aims(text: &mut String, results: &Results) {
    let _ = writeln!(text, "\n| aim | at most | measured | |\n|---|---:|---:|---|");
    for aim in &results.aims {
        let verdict = if aim.reached { "reached" } else { "**missed**" };
        let (limit, measured) = (number(aim.limit), number(aim.measured));
        let _ = writeln!(text, "| {} | {limit} {} | {measured} | {verdict} |", aim.what, aim.unit);
    }
}

fn table(
    text: &mut String,
    [what, ratio, value]: [&str; 3],
    rows: &[Row],
    cells: impl Fn(&Row) -> (String, String),
) {
    let _ = writeln!(text, "\n| {what} | {ratio} | {value} |\n|---|---:|---:|");
    for row in rows {
        let (ratio, value) = cells(row);
        let _ = writeln!(text, "| {} | {ratio} | {value} |", row.label);
    }
}

fn agents(text: &mut String, rows: &[AgentRow]) {
    let _ = writeln!(
        text,
        "\n| Agent | idle, % of a core | under load | resident MiB, idle / load \
         | drain us, mean / longest, idle | under load | byte shown after ms, p50 / p99, idle \
         | under load |\n|---|---:|---:|---:|---:|---:|---:|---:|"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} / {:.0} | {:.0} / {:.0} | {:.0} / {:.0} | {:.1} / {:.1} | {:.1} / {:.1} |",
            row.label,
            number(row.idle_cpu_percent.median),
            number(row.load_cpu_percent.median),
            row.idle_resident_mib,
            row.load_resident_mib,
            row.idle_drains.mean_us,
            row.idle_drains.longest_us,
            row.load_drains.mean_us,
            row.load_drains.longest_us,
            row.idle_freshness_ms.p50,
            row.idle_freshness_ms.p99,
            row.load_freshness_ms.p50,
            row.load_freshness_ms.p99
        );
    }
}

fn two(figure: Figure) -> String {
    format!("{:.2}", figure.median)
}

fn three(figure: Figure) -> String {
    format!("{:.3}", figure.median)
}

fn spread(figure: Figure) -> String {
    format!("{} [{}–{}]", number(figure.median), number(figure.p10), number(figure.p90))
}

/// Three digits that say something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_around_the_marks_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let check = |text: &str, expected: &str| {
            insert(file.path(), text).unwrap();
            assert_eq!(fs::read_to_string(file.path()).unwrap(), expected);
        };
        fs::write(file.path(), "# Title\n\n").unwrap();
        check("one\n", &format!("# Title\n\n{BEGIN}\n\none\n\n{END}\n"));
        fs::write(file.path(), format!("before\n{BEGIN}\nold\n{END}\nafter\n")).unwrap();
        check("two\n", &format!("before\n{BEGIN}\n\ntwo\n\n{END}\nafter\n"));
    }

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in [(1234.5, "1234"), (80.25, "80.2"), (1.5, "1.50"), (0.01, "0.010")] {
            assert_eq!(number(value), text);
        }
    }
}
