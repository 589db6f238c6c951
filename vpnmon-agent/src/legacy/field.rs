//! The words that the panel's lines are made of.

use jiff::civil::{Date, DateTime};

/// As in `/etc/passwd`: a longer one would make a file name the disk refuses.
const MAX_NAME_BYTES: usize = 64;
/// Characters of the file that a report repeats at most.
const QUOTED: usize = 40;
/// The panel's shell counts in signed 64 bits: a larger number has come round.
const MAX_BYTES: u64 = i64::MAX.unsigned_abs();

/// Bytes in a MiB, which the panel calls MB.
const MIB: u64 = 1024 * 1024;

/// The name of an account.
pub fn name(word: &str) -> Result<String, String> {
    if word.is_empty() || word.len() > MAX_NAME_BYTES {
        return Err(format!("{} is no name of 1 to {MAX_NAME_BYTES} bytes", quoted(word)));
    }
    if word.contains(char::is_control) {
        return Err(format!("{} is no name: it has control characters", quoted(word)));
    }
    Ok(word.to_owned())
}

/// A number of bytes.
pub fn bytes(word: &str) -> Result<u64, String> {
    whole(word).ok_or_else(|| format!("{} is no whole number of bytes", quoted(word)))
}

/// A number of MiB, in bytes.
pub fn mebibytes(word: &str) -> Result<u64, String> {
    let bytes = whole(word).and_then(|number| number.checked_mul(MIB));
    bytes
        .filter(|bytes| *bytes <= MAX_BYTES)
        .ok_or_else(|| format!("{} is no whole number of MB", quoted(word)))
}

/// Decimal digits alone. The shell would read a leading zero as octal, so none is taken.
fn whole(word: &str) -> Option<u64> {
    let plain = word == "0" || !word.starts_with('0');
    let digits = plain && word.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| word.parse().ok()).flatten().filter(|number| *number <= MAX_BYTES)
}

/// `YYYY-MM-DD`.
pub fn date(word: &str) -> Result<Date, String> {
    let date = Some(word).filter(|word| word.len() == 10);
    date.and_then(|word| Date::strptime("%Y-%m-%d", word).ok())
        .ok_or_else(|| format!("{} is no date such as 2026-11-23", quoted(word)))
}

/// `YYYY-MM-DD HH:MM:SS`.
pub fn time(text: &str) -> Result<DateTime, String> {
    let time = Some(text).filter(|text| text.len() == 19);
    time.and_then(|text| DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok())
        .ok_or_else(|| format!("{} is no time such as 2026-11-23 19:06:16", quoted(text)))
}

/// `text` in quotes, escaped and not too long, for it may be anything.
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_whole_or_not_at_all() {
        for (word, expected) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("9223372036854775807", Some(MAX_BYTES)),
            ("9223372036854775808", None),
            ("18446744073709551616", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("007", None),
            ("00", None),
            ("1.5", None),
            ("1e9", None),
            ("0x10", None),
            ("1,", None),
            ("１", None),
        ] {
            assert_eq!(bytes(word).ok(), expected, "{word}");
        }
        assert_eq!(mebibytes("8796093022207"), Ok(8_796_093_022_207 * MIB));
        assert!(mebibytes("8796093022208").is_err());
    }

    #[test]
    fn dates_are_whole() {
        for word in
            ["", "2026-2-3", "2026-02-30", "20260203", "2026-02-03T", "02-03-2026", "ž-ž-ž-žž"]
        {
            assert!(date(word).is_err(), "{word}");
        }
        assert_eq!(date("2026-02-03"), Ok(jiff::civil::date(2026, 2, 3)));
        assert!(time("2026-02-03 24:00:00").is_err());
        assert!(time("2026-02-03 04:05:06").is_ok());
    }

    #[test]
    fn what_is_quoted_acts_on_no_terminal() {
        assert_eq!(quoted("a\x1b[31m\u{202e}\""), r#""a\u{1b}[31m\u{202e}\"""#);
        assert_eq!(quoted(&"x".repeat(41)).chars().count(), QUOTED + 3);
    }
}
