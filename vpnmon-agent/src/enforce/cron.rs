//! System crontabs (`/etc/crontab`, `/etc/cron.d/*`; crontab(5)): which lines run as a user.

/// Fields of the time before the user's; `@daily` stands for all.
const TIME_FIELDS: usize = 5;

/// The text without the lines that run as `user`; `None` where there are none.
pub fn without(text: &[u8], user: &str) -> Option<Vec<u8>> {
    let runs = |line: &&[u8]| runs_as(line, user);
    if !text.split_inclusive(|byte| *byte == b'\n').any(|line| runs(&line)) {
        return None;
    }
    let kept = text.split_inclusive(|byte| *byte == b'\n').filter(|line| !runs(line));
    Some(kept.collect::<Vec<_>>().concat())
}

/// Whether cron would run this line as `user`.
pub fn runs_as(line: &[u8], user: &str) -> bool {
    let line = line.trim_ascii();
    if line.starts_with(b"#") || is_setting(line) {
        return false;
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let Some(first) = words.next() else { return false };
    let named = if first.starts_with(b"@") { words.next() } else { words.nth(TIME_FIELDS - 1) };
    // cronie and BSD: `user:group`, `user/class`.
    let end = |byte: &u8| *byte == b':' || *byte == b'/';
    named.and_then(|word| word.split(end).next()) == Some(user.as_bytes())
}

/// `NAME = VALUE`, the name perhaps in quotes.
fn is_setting(line: &[u8]) -> bool {
    let quote = line.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let rest = if let Some(quote) = quote {
        line[1..].split(|byte| *byte == quote).nth(1).unwrap_or_default()
    } else {
        let end = line.iter().position(|byte| *byte == b'=' || byte.is_ascii_whitespace());
        &line[end.unwrap_or(line.len())..]
    };
    rest.trim_ascii_start().starts_with(b"=")
}

/// Any text in; a panic where what is left still runs as the user, or another line is gone.
pub fn fuzz(text: &[u8]) {
    let lines = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    match without(text, "bob") {
        None => assert!(!lines(text).iter().any(|line| runs_as(line, "bob"))),
        Some(rest) => {
            assert_eq!(without(&rest, "bob"), None);
            let others: Vec<_> =
                lines(text).into_iter().filter(|line| !runs_as(line, "bob")).collect();
            assert_eq!(rest, others.concat());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: bool) {
        assert_eq!(runs_as(line.as_bytes(), "bob"), expected, "{line:?}");
    }

    #[test]
    fn the_user_field_decides() {
        for line in
            ["* * * * * bob /bin/true", "@reboot bob x", "0 5 1 1 *\tbob x\n", "  @daily  bob  y"]
        {
            check(line, true);
        }
        check("-*/5 * * * * bob x", true);
        check("* * * * * bob:users x", true);
        for line in [
            "# * * * * * bob x",
            "* * * * * root echo bob",
            "* * * * * bobby x",
            "@reboot root bob",
            "MAILTO=bob",
            "A = * * * * bob x",
            "\"a b\" = 1 2 3 4 5 bob",
            "* * * * *",
            "bob",
            "",
            "@reboot",
            "* * * * bob x",
            "*=1 * * * * bob x",
        ] {
            check(line, false);
        }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        let text =
            b"SHELL=/bin/sh\n# of bob\n* * * * * root x bob\n* * * * * bob y\n\xff @daily bob";
        let kept = without(text, "bob").unwrap();
        assert_eq!(kept, b"SHELL=/bin/sh\n# of bob\n* * * * * root x bob\n\xff @daily bob");
        assert_eq!(without(&kept, "bob"), None);
    }
}
