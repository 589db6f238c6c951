//! The old panel's `bw-*.conf`: which lines are about a user.

/// What the lines of a file begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `user MB type`: the type is the third word.
    Limits,
    /// `user bytes`, of whatever type.
    Counts,
    /// `user type date`.
    Disabled,
}

/// The panel's files, in `/etc/xray`.
pub const FILES: [(&str, Form); 4] = [
    // Read before its own line of the user goes.
    ("bw-usage.conf", Form::Counts),
    ("bw-last-stats.conf", Form::Counts),
    ("bw-disabled.conf", Form::Disabled),
    ("bw-limit.conf", Form::Limits),
];

/// The text without the lines of the SSH user `name`; `None` where there are none.
pub fn without(text: &[u8], form: Form, name: &str) -> Option<Vec<u8>> {
    let is_its = |line: &&[u8]| is_of(line, form, name);
    let lines = || text.split_inclusive(|byte| *byte == b'\n');
    lines()
        .any(|line| is_its(&line))
        .then(|| lines().filter(|line| !is_its(line)).collect::<Vec<_>>().concat())
}

/// Whether `bw-limit.conf` has an Xray account of this name, whose counts have the same lines.
pub fn is_shared(limits: &[u8], name: &str) -> bool {
    limits.split(|byte| *byte == b'\n').any(|line| {
        let mut words = words(line);
        words.next() == Some(name.as_bytes()) && words.nth(1).is_some_and(|kind| kind != b"ssh")
    })
}

fn is_of(line: &[u8], form: Form, name: &str) -> bool {
    let mut words = words(line);
    if words.next() != Some(name.as_bytes()) {
        return false;
    }
    match form {
        Form::Counts => true,
        Form::Limits => words.nth(1) == Some(b"ssh"),
        Form::Disabled => words.next() == Some(b"ssh"),
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: Form, text: &str, expected: Option<&str>) {
        let rest = without(text.as_bytes(), form, "bob");
        assert_eq!(rest.as_deref(), expected.map(str::as_bytes), "{text:?}");
    }

    #[test]
    fn only_lines_of_the_user_go() {
        check(
            Form::Limits,
            "bobby 5 ssh\nbob 500 ssh\n#bob 1 ssh\n",
            Some("bobby 5 ssh\n#bob 1 ssh\n"),
        );
        check(Form::Limits, "bob 500 vmess\na.b 1 ssh\n", None);
        check(Form::Counts, "a 1\nbob 17", Some("a 1\n"));
        check(
            Form::Disabled,
            "bob vless 2026-01-01\nbob ssh 2026-01-01\n",
            Some("bob vless 2026-01-01\n"),
        );
        check(Form::Counts, "", None);
    }

    #[test]
    fn counts_of_a_name_that_two_have_are_both_theirs() {
        assert!(is_shared(b"bob 5 ssh\nbob 7 vless\n", "bob"));
        assert!(!is_shared(b"bob 5 ssh\nbobby 7 vless\n", "bob"));
    }
}
