//! Sizes as people type them.

/// Bytes of `500MB`, `1.5GiB`, `2T`, `0`. Always powers of 1024, as in the old panel; a bare number
/// is MiB.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let shift = shift(unit.trim()).ok_or("use a number and B, K, M, G or T, such as 1.5GiB")?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().map_err(|_| "use a number such as 500MB or 1.5GiB")?;
    let fraction = fraction_of(fraction, shift).ok_or("use a number such as 500MB or 1.5GiB")?;
    let bytes = whole.checked_shl(shift).filter(|bytes| bytes >> shift == whole);
    bytes.and_then(|bytes| bytes.checked_add(fraction)).ok_or("it is too large".to_owned())
}

fn shift(unit: &str) -> Option<u32> {
    let unit = unit.to_ascii_uppercase();
    let letter = unit.strip_suffix("IB").or_else(|| unit.strip_suffix('B')).unwrap_or(&unit);
    match (letter, unit.as_str()) {
        ("", "B") => Some(0),
        ("", "") | ("M", _) => Some(20),
        ("K", _) => Some(10),
        ("G", _) => Some(30),
        ("T", _) => Some(40),
        ("P", _) => Some(50),
        _ => None,
    }
}

/// `digits` behind a point, of `1 << shift` bytes, rounded down.
fn fraction_of(digits: &str, shift: u32) -> Option<u64> {
    if digits.is_empty() || digits.len() > 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = 10u128.pow(u32::try_from(digits.len()).ok()?);
    let bytes = (digits.parse::<u128>().ok()? << shift) / scale;
    u64::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse(text).ok(), expected, "{text}");
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        check("0", Some(0));
        check("500", Some(500 << 20));
        check("500MB", Some(500 << 20));
        check("500 mib", Some(500 << 20));
        check("1.5GiB", Some(3 << 29));
        check("2T", Some(2 << 40));
        check("1K", Some(1024));
        check("123B", Some(123));
        check("0.5", Some(1 << 19));
        check("16383P", Some(16383 << 50));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MB", "1.G", ".5G", "-1", "1e9", "1,5G", "1 2", "5X", "5iB", "99999P"] {
            check(text, None);
        }
        check("99999999999999999999", None);
        check("1.9999999999999999999G", None);
    }
}
