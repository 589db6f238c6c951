//! The report for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Check, Outcome};

/// A line a check; below it the reason and the remedy where it does not work.
pub fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let (word, color) = match check.status {
            Outcome::Ok => ("ok  ", AnsiColor::Green),
            Outcome::Off => ("off ", AnsiColor::Yellow),
            Outcome::Fail => ("FAIL", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(color.into()));
        let _ = writeln!(text, "{style}{word}{style:#}  {:width$}  {}", check.id, check.what);
        for (word, line) in [("why", &check.why), ("fix", &check.fix)] {
            if !line.is_empty() {
                let _ = writeln!(text, "      {:width$}  {word}: {line}", "");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_and_remedy_stand_below() {
        let check = |id, status, why: &str, fix: &str| Check {
            id,
            status,
            what: "looked".to_owned(),
            why: why.to_owned(),
            fix: fix.to_owned(),
        };
        let checks =
            [check("a", Outcome::Ok, "", ""), check("long", Outcome::Fail, "broken", "mend it")];
        let plain = anstream::adapter::strip_str(&text(&checks)).to_string();
        let expected = "ok    a     looked\nFAIL  long  looked\n            why: broken\n            \
                        fix: mend it\n";
        assert_eq!(plain, expected);
    }
}
