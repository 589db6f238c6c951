//! Numbers with three digits and a unit.

/// Units of 1024.
const SIZES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/// Units of 1000.
const RATES: [&str; 7] = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "Pbit/s", "Ebit/s"];

/// Bytes in units of 1024: `512 B`, `1.50 KiB`, `97.7 MiB`, `1023 GiB`; at most 8 characters.
#[must_use]
pub fn size(bytes: u64) -> String {
    scaled(bytes, 1024, &SIZES)
}

/// Bits per second in units of 1000: `0`, `120 kbit/s`, `4.10 Mbit/s`, and `-` for an unknown
/// rate; at most 11 characters.
#[must_use]
pub fn rate(bits_per_second: Option<u64>) -> String {
    match bits_per_second {
        None => "-".into(),
        Some(0) => "0".into(),
        Some(bits) => scaled(bits, 1000, &RATES),
    }
}

fn scaled(number: u64, base: u128, units: &[&str]) -> String {
    let mut divisor = 1;
    for unit in units {
        if let Some(digits) = digits(number.into(), divisor, base) {
            return format!("{digits} {unit}");
        }
        divisor *= base;
    }
    number.to_string()
}

/// `value / divisor` in three digits, half up; `None` if that rounds to `base` or more.
fn digits(value: u128, divisor: u128, base: u128) -> Option<String> {
    let rounded = |scale: u128| (value * scale + divisor / 2) / divisor;
    let (hundredths, tenths, ones) = (rounded(100), rounded(10), rounded(1));
    if divisor == 1 || tenths >= 1000 {
        (ones < base).then(|| ones.to_string())
    } else if hundredths >= 1000 {
        Some(format!("{}.{}", tenths / 10, tenths % 10))
    } else {
        Some(format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (512, "512 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (10_234, "9.99 KiB"),
            (10_235, "10.0 KiB"),
            (102_348, "99.9 KiB"),
            (102_349, "100 KiB"),
            ((1 << 20) - 513, "1023 KiB"),
            ((1 << 20) - 512, "1.00 MiB"),
            (102_445_875, "97.7 MiB"),
            (1_288_490_189, "1.20 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn rates() {
        for (bits, expected) in [
            (None, "-"),
            (Some(0), "0"),
            (Some(999), "999 bit/s"),
            (Some(1000), "1.00 kbit/s"),
            (Some(120_000), "120 kbit/s"),
            (Some(999_499), "999 kbit/s"),
            (Some(999_500), "1.00 Mbit/s"),
            (Some(4_100_000), "4.10 Mbit/s"),
            (Some(u64::MAX), "18.4 Ebit/s"),
        ] {
            assert_eq!(rate(bits), expected, "{bits:?}");
        }
    }

    /// The number shown, in units of one.
    fn read(shown: &str, base: f64, units: &[&str]) -> f64 {
        let (number, unit) = shown.split_once(' ').unwrap();
        let power = units.iter().position(|it| *it == unit).unwrap();
        let number: f64 = number.parse().unwrap();
        assert!(number < base, "{shown}");
        number * base.powi(i32::try_from(power).unwrap())
    }

    #[expect(clippy::cast_precision_loss, reason = "half a percent is looked for")]
    fn is_near(number: u64, shown: &str, base: f64, units: &[&str]) -> bool {
        (read(shown, base, units) - number as f64).abs() <= number as f64 * 0.0051
    }

    proptest! {
        #[test]
        fn are_near_and_narrow(bits in 0..u64::BITS, random: u64) {
            let number = random >> bits;
            let (shown, speed) = (size(number), rate(Some(number)));
            prop_assert!(shown.len() <= 8, "{shown}");
            prop_assert!(is_near(number, &shown, 1024.0, &SIZES), "{number}: {shown}");
            prop_assert!(speed.len() <= 11, "{speed}");
            prop_assert!(number == 0 || is_near(number, &speed, 1000.0, &RATES), "{speed}");
        }

        #[test]
        fn never_fall_where_the_number_grows(bits in 0..u64::BITS, random: u64, step in 0..2000u64) {
            let (low, high) = (random >> bits, (random >> bits).saturating_add(step));
            prop_assert!(read(&size(low), 1024.0, &SIZES) <= read(&size(high), 1024.0, &SIZES));
        }
    }
}
