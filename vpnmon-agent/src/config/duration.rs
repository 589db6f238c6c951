//! Durations as a person writes them: `10ms`, `1s`, `5m`, `1h`.

use std::time::Duration;

/// Units and their milliseconds, largest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A whole number and a unit, with nothing between.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, milliseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(*milliseconds).map(Duration::from_millis)
}

/// `milliseconds` in the largest unit that needs no fraction.
pub fn shown(milliseconds: u64) -> String {
    let whole = UNITS.iter().find(|(_, unit)| milliseconds.is_multiple_of(*unit));
    let (name, unit) = whole.copied().unwrap_or(("ms", 1));
    format!("{}{name}", milliseconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers_with_a_unit() {
        for (text, expected) in [
            ("10ms", Some(10)),
            ("1s", Some(1000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("0ms", Some(0)),
            ("010ms", Some(10)),
            ("", None),
            ("s", None),
            ("10", None),
            ("1.5s", None),
            ("1 s", None),
            ("-1s", None),
            ("+1s", None),
            ("1S", None),
            ("1d", None),
            ("1sms", None),
            ("１s", None),
            ("18446744073709551615h", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn shows_what_it_reads() {
        for text in ["1ms", "100ms", "1s", "1m", "90s", "1h", "1500ms"] {
            let milliseconds = parse(text).unwrap().as_millis();
            assert_eq!(shown(u64::try_from(milliseconds).unwrap()), text);
        }
    }
}
