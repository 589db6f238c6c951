//! The end of a run: one line a kernel, then every reason.

use std::time::Duration;

use crate::kernels::report::Report;

/// What became of one kernel.
pub struct Row {
    /// Its release, or the version that was asked for.
    pub kernel: String,
    /// What it did.
    pub outcome: Outcome,
}

/// How far it came.
pub enum Outcome {
    /// Not even here.
    NotFetched(String),
    /// Booted, or tried to.
    Ran {
        /// What its console said.
        report: Report,
        /// What it must call itself.
        uname: String,
        /// From power on to the end.
        took: Duration,
    },
}

impl Row {
    /// Why it has not passed; empty if it has.
    pub fn problems(&self) -> Vec<String> {
        let (report, expected) = match &self.outcome {
            Outcome::NotFetched(why) => return vec![format!("not fetched: {why}")],
            Outcome::Ran { report, uname, .. } => (report, uname),
        };
        let Some(uname) = &report.uname else { return vec!["init was never reached".to_owned()] };
        let mut problems = Vec::new();
        if uname != expected {
            problems.push(format!("it calls itself {uname}"));
        }
        let verdicts = report.verdicts();
        if verdicts.is_empty() {
            problems.push("it checked nothing".to_owned());
        }
        for (name, verdict) in verdicts {
            problems.extend(verdict.err().map(|why| format!("{name}: {why}")));
        }
        if !report.ended {
            problems.push("it did not come to its end".to_owned());
        }
        problems
    }

    fn cells(&self, columns: &[&str]) -> String {
        let Outcome::Ran { report, took, .. } = &self.outcome else {
            return self.problems().concat();
        };
        let verdicts = report.verdicts();
        let cell = |column: &&str| {
            let word = match verdicts.iter().find(|(name, _)| name == column) {
                Some((_, Ok(()))) => "ok",
                Some(_) => "FAIL",
                None => "-",
            };
            padded(word, column)
        };
        let cells: Vec<_> = columns.iter().map(cell).collect();
        format!("{}{:>7.1}", cells.concat(), took.as_secs_f64())
    }
}

/// The whole table, and below it what is wrong.
pub fn table(rows: &[Row]) -> String {
    let columns = columns(rows);
    let width = rows.iter().map(|row| row.kernel.len()).max().unwrap_or_default().max(6) + 2;
    let head: Vec<_> = columns.iter().map(|name| padded(name, name)).collect();
    let mut lines = vec![format!("{:<width$}{}{:>7}", "kernel", head.concat(), "seconds")];
    lines.extend(rows.iter().map(|row| format!("{:<width$}{}", row.kernel, row.cells(&columns))));
    for row in rows.iter().filter(|row| matches!(row.outcome, Outcome::Ran { .. })) {
        lines.extend(row.problems().iter().map(|problem| format!("{}: {problem}", row.kernel)));
    }
    lines.join("\n") + "\n"
}

/// Every check that a kernel ran, in the order of the checks.
fn columns(rows: &[Row]) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    for row in rows {
        let Outcome::Ran { report, .. } = &row.outcome else { continue };
        for (name, _) in report.verdicts() {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
    }
    columns
}

fn padded(word: &str, column: &str) -> String {
    format!("{word:<width$}", width = column.len().max(4) + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(kernel: &str, console: &str) -> Row {
        let outcome = Outcome::Ran {
            report: Report::parse(console),
            uname: kernel.to_owned(),
            took: Duration::from_millis(5340),
        };
        Row { kernel: kernel.to_owned(), outcome }
    }

    const GOOD: &str = "vpnmon-guest: begin 6.1\nvpnmon-guest: plan load\n\
        vpnmon-guest: check load ok\nvpnmon-guest: end\n";

    #[test]
    fn passes_only_what_ran_to_its_end() {
        assert_eq!(ran("6.1", GOOD).problems(), Vec::<String>::new());
        let check = |console: &str, expected: &str| {
            let problems = ran("6.1", console).problems();
            assert!(problems.contains(&expected.to_owned()), "{problems:?}");
        };
        check("", "init was never reached");
        check(&GOOD.replace("6.1", "6.12"), "it calls itself 6.12");
        check(&GOOD.replace("plan load", "plan load count"), "count: it never ended");
        check(&GOOD.replace("ok", "FAIL: why"), "load: why");
        check(&GOOD.replace("vpnmon-guest: end", ""), "it did not come to its end");
        check("vpnmon-guest: begin 6.1\nvpnmon-guest: end\n", "it checked nothing");
    }

    #[test]
    fn one_line_a_kernel_then_the_reasons() {
        let not_here =
            Row { kernel: "5.15".to_owned(), outcome: Outcome::NotFetched("gone".to_owned()) };
        let rows = [ran("6.1", GOOD), not_here, ran("6.1", &GOOD.replace("ok", "FAIL: why"))];
        assert_eq!(
            table(&rows),
            "kernel  load  seconds\n6.1     ok        5.3\n5.15    not fetched: gone\n\
             6.1     FAIL      5.3\n6.1: load: why\n"
        );
    }
}
