//! Scales of a picture, and where a label finds room.

use serde::Serialize;

use super::text::width;

/// From values to places, logarithmic, from one round number to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// Labelled lines of a scale.
const MOST_TICKS: usize = 9;

impl Scale {
    /// Wide enough for all values that are positive. None: there are none.
    pub(super) fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let (low, high) = values
            .filter(|value| *value > 0.0 && value.is_finite())
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return None;
        }
        // Room at both ends for a mark and its ring.
        let (low, high) = (round_below(low / 1.15), round_above(high * 1.15));
        Some(Self { low, high, from, to })
    }

    /// To a tenth of a pixel.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        ((self.from + part * (self.to - self.from)) * 10.0).round() / 10.0
    }

    /// Round values and their places.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, f64)> {
        let mut values = Vec::new();
        let mut value = self.low;
        while value <= self.high * 1.001 {
            values.push(value);
            value = round_above(value * 1.001);
        }
        if values.len() > MOST_TICKS {
            values.retain(|value| digit(*value) == 1);
        }
        values.into_iter().map(|value| (value, self.at(value))).collect::<Vec<_>>().into_iter()
    }
}

/// 1, 2 and 5, times ten as often as one likes.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

fn power(value: f64) -> f64 {
    10_f64.powf(value.log10().floor())
}

fn round_below(value: f64) -> f64 {
    let power = power(value);
    let step = STEPS.iter().rev().find(|step| *step * power <= value * 1.000_001).copied();
    step.unwrap_or(1.0) * power
}

fn round_above(value: f64) -> f64 {
    let power = power(value);
    let step = STEPS.iter().find(|step| *step * power >= value * 0.999_999).copied();
    step.unwrap_or(10.0) * power
}

/// The first one.
#[expect(clippy::cast_possible_truncation, reason = "it is below 10")]
fn digit(value: f64) -> i64 {
    let value = value * 1.000_001;
    (value / power(value)).floor() as i64
}

/// A text at a place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Label {
    pub class: &'static str,
    pub x: f64,
    /// Of its base line.
    pub y: f64,
    /// It ends at its place, rather than begin there.
    pub end: bool,
    pub text: String,
}

/// A box: left, top, right, bottom.
pub(super) type Area = (f64, f64, f64, f64);

/// Of one character of 13 pixels, at most: system fonts differ.
const CHARACTER: f64 = 7.4;
const ABOVE: f64 = 12.0;
const BELOW: f64 = 4.0;

impl Label {
    /// What it covers.
    pub(super) fn area(&self) -> Area {
        let characters = u32::try_from(width(&self.text)).unwrap_or(u32::MAX);
        let long = f64::from(characters) * CHARACTER;
        let (left, right) = if self.end { (self.x - long, self.x) } else { (self.x, self.x + long) };
        (left, self.y - ABOVE, right, self.y + BELOW)
    }
}

pub(super) fn overlap(one: Area, other: Area) -> bool {
    one.0 < other.2 && other.0 < one.2 && one.1 < other.3 && other.1 < one.3
}

/// A label across a line is as bad as one that hides so many marks.
const AS_BAD_AS: usize = 3;

/// A label beside a mark: where it covers no other label, not the line at a height, and as few marks as can be, inside the
/// picture.
pub(super) fn place(
    class: &'static str,
    at: (f64, f64),
    text: &str,
    marks: &[(f64, f64)],
    labels: &[Label],
    line: Option<f64>,
    inside: Area,
) -> Label {
    let (x, y) = at;
    let mut best: Option<(usize, Label)> = None;
    // Below on the right first: what is dearer and slower than a point of the frontier is nowhere.
    let sides = [(1.0, false), (-1.0, true)];
    let rows = [20.0, -14.0, 38.0, -32.0, 56.0, -50.0, 74.0, -68.0];
    for down in rows {
        for (side, end) in sides {
            let label =
                Label { class, x: x + side * 13.0, y: ((y + down) * 10.0).round() / 10.0, end, text: text.to_owned() };
            let area = label.area();
            let is_inside = area.0 >= inside.0 && area.1 >= inside.1 && area.2 <= inside.2 && area.3 <= inside.3;
            if !is_inside || labels.iter().any(|other| overlap(area, other.area())) {
                continue;
            }
            let is_on_line = line.is_some_and(|line| (area.1..=area.3).contains(&line));
            let covered = covered(&label, marks) + if is_on_line { AS_BAD_AS } else { 0 };
            if best.as_ref().is_none_or(|(least, _)| covered < *least) {
                best = Some((covered, label));
            }
        }
    }
    best.map_or_else(|| in_a_corner(class, text, labels, inside), |(_, label)| label)
}

/// Where nothing is near: at the lower right, where what is dear and slow would be, above what stands there already.
fn in_a_corner(class: &'static str, text: &str, labels: &[Label], inside: Area) -> Label {
    let mut label = Label { class, x: inside.2 - 4.0, y: inside.3 - 2.0 * BELOW, end: true, text: text.to_owned() };
    while labels.iter().any(|other| overlap(label.area(), other.area())) {
        label.y -= ABOVE + 2.0 * BELOW;
    }
    label
}

/// The label of a line across the picture: at one of its ends, above or below, where it covers fewest marks.
pub(super) fn beside_line(class: &'static str, y: f64, text: &str, marks: &[(f64, f64)], inside: Area) -> Label {
    let places = [(inside.0 + 8.0, false), (inside.2 - 8.0, true)];
    let rows = [y - 7.0, y + ABOVE + BELOW];
    let all = rows.iter().flat_map(|y| places.iter().map(move |(x, end)| (*x, ((y * 10.0).round() / 10.0), *end)));
    let labels = all.map(|(x, y, end)| Label { class, x, y, end, text: text.to_owned() });
    let fits = labels.filter(|label| label.area().1 >= inside.1 && label.area().3 <= inside.3);
    let best = fits.min_by_key(|label| covered(label, marks));
    best.unwrap_or_else(|| in_a_corner(class, text, &[], inside))
}

/// How many marks a label hides.
fn covered(label: &Label, marks: &[(f64, f64)]) -> usize {
    let area = label.area();
    let hides = |(x, y): &&(f64, f64)| overlap(area, (x - 6.0, y - 6.0, x + 6.0, y + 6.0));
    marks.iter().filter(hides).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let scale = Scale::over([300.0, 45_000.0].into_iter(), 0.0, 100.0).expect("values");
        let ticks: Vec<f64> = scale.ticks().map(|(value, _)| value.round()).collect();
        assert_eq!(ticks, [200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0, 50_000.0, 100_000.0]);
        let wide = Scale::over([3.0, 45e9].into_iter(), 0.0, 100.0).expect("values");
        assert!(wide.ticks().all(|(value, _)| digit(value) == 1));
        assert_eq!(Scale::over(std::iter::empty(), 0.0, 1.0), None);
        assert_eq!(Scale::over([0.0, f64::NAN].into_iter(), 0.0, 1.0), None);
    }

    #[test]
    fn a_label_goes_where_room_is() {
        let inside = (0.0, 0.0, 400.0, 300.0);
        let free = place("", (200.0, 150.0), "a label", &[], &[], None, inside);
        assert_eq!((free.x, free.y, free.end), (213.0, 170.0, false));
        // At the right edge it goes to the left, above another label elsewhere.
        let edge = place("", (395.0, 150.0), "a label", &[], &[], None, inside);
        assert!(edge.end && edge.area().2 <= 400.0);
        let second = place("", (200.0, 150.0), "another", &[], std::slice::from_ref(&free), None, inside);
        assert!(!overlap(free.area(), second.area()));
        let none = place("", (5.0, 5.0), &"x".repeat(90), &[], &[], None, inside);
        assert!(none.end);
        let (_, above, _, below) = place("", (200.0, 150.0), "a label", &[], &[], Some(165.0), inside).area();
        assert!(!(above..=below).contains(&165.0));
    }

    proptest! {
        #[test]
        fn places_keep_order_and_stay_inside(all in prop::collection::vec(1e-3..1e12_f64, 1..20)) {
            let scale = Scale::over(all.iter().copied(), 10.0, 500.0).expect("values");
            let mut sorted = all;
            sorted.sort_by(f64::total_cmp);
            for pair in sorted.windows(2) {
                prop_assert!(scale.at(pair[0]) <= scale.at(pair[1]));
            }
            for value in sorted {
                prop_assert!((10.0..=500.0).contains(&scale.at(value)));
            }
            let ticks = scale.ticks().count();
            prop_assert!((2..=16).contains(&ticks), "{ticks}");
        }
    }
}
