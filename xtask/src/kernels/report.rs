//! What the guest says on its console. The other end: `tests/src/bin/guest/report.rs`.

const MARK: &str = "vpnmon-guest: ";

/// One boot, as far as it came.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `uname -r` of the guest; none if its init was never reached.
    pub uname: Option<String>,
    /// Names of the checks it set out to run.
    planned: Vec<String>,
    /// Those that came to an end, with the reason of a failure.
    results: Vec<(String, Result<(), String>)>,
    /// Whether it came to its last line.
    pub ended: bool,
}

impl Report {
    /// Reads a console, on which lines of the firmware and the kernel are too.
    pub fn parse(console: &str) -> Self {
        let mut report = Self::default();
        for line in console.lines() {
            let Some((_, line)) = line.split_once(MARK) else { continue };
            let (word, rest) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
            match word {
                "begin" => report.uname = Some(rest.to_owned()),
                "plan" => report.planned = rest.split(' ').map(str::to_owned).collect(),
                "check" => report.results.extend(result(rest)),
                "end" => report.ended = true,
                _ => {}
            }
        }
        report
    }

    /// Each planned check and how it went: one without a result has not passed.
    pub fn verdicts(&self) -> Vec<(&str, Result<(), &str>)> {
        let of = |name: &String| {
            let found = self.results.iter().find(|(of, _)| of == name);
            found.map_or(Err("it never ended"), |(_, result)| {
                result.as_ref().copied().map_err(String::as_str)
            })
        };
        self.planned.iter().map(|name| (name.as_str(), of(name))).collect()
    }
}

/// `NAME ok` or `NAME FAIL: reason`.
fn result(line: &str) -> Option<(String, Result<(), String>)> {
    let (name, verdict) = line.split_once(' ')?;
    let verdict = match verdict.split_once(": ") {
        None if verdict == "ok" => Ok(()),
        Some(("FAIL", why)) => Err(why.to_owned()),
        _ => return None,
    };
    Some((name.to_owned(), verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        console: &str,
        uname: Option<&str>,
        expected: &[(&str, Result<(), &str>)],
        ended: bool,
    ) {
        let report = Report::parse(console);
        assert_eq!(report.uname.as_deref(), uname);
        assert_eq!(report.verdicts(), expected);
        assert_eq!(report.ended, ended);
    }

    #[test]
    fn reads_a_console() {
        check(
            "\x1bcSeaBIOS\r\n[ 0.1] x vpnmon-guest: begin 6.1.0-56-cloud-amd64\r\n\
             vpnmon-guest: plan doctor load count\r\nvpnmon-guest: check doctor ok\r\nnoise\r\n\
             vpnmon-guest: check load FAIL: a: b\r\nvpnmon-guest: check count ok\r\n\
             vpnmon-guest: end\r\n",
            Some("6.1.0-56-cloud-amd64"),
            &[("doctor", Ok(())), ("load", Err("a: b")), ("count", Ok(()))],
            true,
        );
    }

    #[test]
    fn what_never_ended_has_not_passed() {
        check("", None, &[], false);
        check(
            "vpnmon-guest: begin 5.10\nvpnmon-guest: plan a b\nvpnmon-guest: check a okay\n",
            Some("5.10"),
            &[("a", Err("it never ended")), ("b", Err("it never ended"))],
            false,
        );
    }
}
