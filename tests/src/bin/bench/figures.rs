//! Numbers from rounds: medians, so that what disturbs a few rounds does not show.

use serde::Serialize;

/// A median and how far the middle eight tenths of the rounds spread.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figure {
    /// Median.
    pub median: f64,
    /// A tenth of the rounds is below.
    pub p10: f64,
    /// A tenth of the rounds is above.
    pub p90: f64,
}

impl Figure {
    /// Of one value a round.
    pub fn of(samples: &[f64]) -> Self {
        let quantile = |part| quantile(samples, part);
        Self { median: quantile(0.5), p10: quantile(0.1), p90: quantile(0.9) }
    }

    /// Of `combine` over the two values that each round has.
    pub fn paired(a: &[f64], b: &[f64], combine: impl Fn(f64, f64) -> f64) -> Self {
        let both: Vec<_> = a.iter().zip(b).map(|(a, b)| combine(*a, *b)).collect();
        Self::of(&both)
    }
}

/// The value that `part` of the samples do not exceed; NaN of none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index of a list, whose length a float holds exactly"
)]
pub fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let index = (float(last as u64) * part).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// The nearest float.
#[expect(clippy::cast_precision_loss, reason = "counts and times of a run are far below 2^53")]
pub fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        let samples = [5.0, 1.0, 3.0, 2.0, 4.0];
        for (part, expected) in [(0.0, 1.0), (0.5, 3.0), (0.9, 5.0), (1.0, 5.0)] {
            assert!((quantile(&samples, part) - expected).abs() < 1e-9, "{part}");
        }
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn pairs_are_of_one_round() {
        let ratio = Figure::paired(&[2.0, 20.0, 6.0], &[1.0, 10.0, 3.0], |a, b| a / b);
        assert!((ratio.median - 2.0).abs() < 1e-9 && (ratio.p90 - 2.0).abs() < 1e-9);
    }
}
