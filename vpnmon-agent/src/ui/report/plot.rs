//! Bars: their heights, and the scale beside them.

use super::Sizes;
use crate::ui::units;

/// From one bar to the next, of which 8 are the bar's.
const STEP: usize = 10;
/// The height of a plot.
const HEIGHT: u64 = 1000;
/// What is there is seen, however little it is.
const LEAST: u64 = 6;

/// A plot, ready to be drawn.
#[derive(Debug)]
pub struct Plot {
    /// In the page.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// More of that.
    pub note: String,
    /// What a bar is.
    pub unit: &'static str,
    /// For who does not see it.
    pub says: String,
    /// Whether it takes the whole width.
    pub is_wide: bool,
    /// The bars, from left to right.
    pub bars: Vec<Bar>,
    /// Of all bars together.
    pub width: usize,
    /// The top, and half of it.
    pub scale: [String; 2],
    /// The first bar's name, the middle one's, the last one's.
    pub ends: Vec<String>,
}

/// A bar: downlink below, uplink on it.
#[derive(Debug)]
pub struct Bar {
    /// Of the hour, day or month.
    pub name: String,
    /// What it has moved.
    pub sum: Sizes,
    /// Left edge.
    pub x: usize,
    /// Height of the uplink's part.
    pub up: u64,
    /// Height of the downlink's part.
    pub down: u64,
}

/// What a bar is made of.
pub type Measured = (String, u64, u64);

impl Plot {
    /// Bars of `measured`: name, uplink, downlink.
    pub fn of(id: &'static str, title: String, unit: &'static str, measured: &[Measured]) -> Self {
        let most = measured.iter().map(|(_, up, down)| up.saturating_add(*down)).max();
        let top = nice(most.unwrap_or_default());
        let bars: Vec<_> = measured.iter().enumerate().map(|(at, it)| bar(at, it, top)).collect();
        let ends = match measured {
            [] => Vec::new(),
            [one] => vec![one.0.clone()],
            [first, .., last] if measured.len() < 5 => vec![first.0.clone(), last.0.clone()],
            [first, .., last] => {
                vec![first.0.clone(), measured[measured.len() / 2].0.clone(), last.0.clone()]
            }
        };
        Self {
            id,
            title,
            note: String::new(),
            unit,
            says: says(measured),
            is_wide: false,
            width: bars.len() * STEP,
            bars,
            scale: [units::size(top), units::size(top / 2)],
            ends,
        }
    }
}

fn bar(at: usize, (name, up, down): &Measured, top: u64) -> Bar {
    let sum = Sizes::of(*up, *down);
    Bar { name: name.clone(), sum, x: at * STEP + 1, up: part(*up, top), down: part(*down, top) }
}

/// `bytes` of `top`, in the plot's units.
pub fn part(bytes: u64, top: u64) -> u64 {
    if bytes == 0 {
        return 0;
    }
    let exact = u128::from(bytes) * u128::from(HEIGHT) / u128::from(top.max(1));
    u64::try_from(exact).unwrap_or(HEIGHT).clamp(LEAST, HEIGHT)
}

/// The next round size from `bytes` on: 1, 2 or 5 times a power of ten of a unit of 1024.
fn nice(bytes: u64) -> u64 {
    let units = (0..7).map(|power| 1_u64 << (10 * power));
    let rounds = [1, 2, 5, 10, 20, 50, 100, 200, 500];
    let mut all = units.flat_map(|unit| rounds.map(|round| unit.saturating_mul(round)));
    all.find(|round| *round >= bytes).unwrap_or(u64::MAX)
}

fn says(measured: &[Measured]) -> String {
    let sum = |it: &&Measured| it.1.saturating_add(it.2);
    let most = measured.iter().max_by_key(sum).filter(|it| sum(it) > 0);
    most.map_or_else(
        || "Nothing was moved.".to_owned(),
        |(name, up, down)| {
            let Sizes { up, down, .. } = Sizes::of(*up, *down);
            format!("{} bars; the highest is {name}: {up} uplink, {down} downlink.", measured.len())
        },
    )
}
