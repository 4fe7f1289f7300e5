//! The frontier as a picture: cost against throughput, each tier in its own colour and shape, with what is needed, what is
//! chosen and what the spec says now. SVG, for light and dark, without script or network.
//!
//! All markup is in the template, which escapes every value. Both scales are logarithmic: a terabyte and a petabyte fit.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::advice_facts as facts;
use super::plot_scale::{Area, Label, Scale, beside_line, place};
use super::text::{clean, cut};
use super::theme::Theme;
use crate::sizing::Amount;
use crate::sizing::advice::{Advice, Configuration, Key, Point};

const TEMPLATE: &str = include_str!("../../templates/advice.svg.j2");

/// All in the units of the picture, which are pixels at its own size.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = 474.0;
const INSIDE: Area = (LEFT, TOP, RIGHT, BOTTOM);
/// Of the legend.
const LEGEND: f64 = 714.0;
const LEGEND_LINE: f64 = 24.0;
/// From the centre of a mark to its edge.
const MARK: f64 = 4.6;
/// Colours in the template; shapes below. Their numbers have no common divisor, so 30 tiers differ.
const COLORS: usize = 6;
const SHAPES: usize = 5;
/// Characters of the first lines, and of a line of the legend.
const MOST_HEAD: usize = 110;
const MOST_LEGEND: usize = 34;

#[derive(Serialize)]
struct Picture {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    middle: f64,
    plot_width: f64,
    title: String,
    description: String,
    subtitle: Vec<Line>,
    need: Option<Need>,
    rows: Vec<Tick>,
    columns: Vec<Tick>,
    frontier: String,
    points: Vec<Mark>,
    rings: Vec<Ring>,
    labels: Vec<Label>,
    legend: Vec<Entry>,
    key: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    x: f64,
    y: f64,
    text: String,
}

#[derive(Serialize)]
struct Need {
    y: f64,
    /// How far down it is from there.
    below: f64,
}

#[derive(Serialize)]
struct Tick {
    at: f64,
    /// The text's own line.
    text_at: f64,
    text: String,
}

#[derive(Serialize)]
struct Mark {
    color: usize,
    path: String,
    meets: bool,
    words: String,
}

#[derive(Serialize)]
struct Ring {
    x: f64,
    y: f64,
    now: bool,
}

#[derive(Serialize)]
struct Entry {
    color: usize,
    path: String,
    x: f64,
    y: f64,
    text: String,
}

/// None: there is nothing to show.
#[expect(clippy::missing_panics_doc, reason = "the template is ours, and a test renders all of it")]
pub fn svg(advice: &Advice) -> Option<String> {
    let picture = picture(advice)?;
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let text = environment
        .render_named_str("advice.svg.j2", TEMPLATE, picture)
        .expect("every value that the template names is in the picture");
    Some(text)
}

fn picture(advice: &Advice) -> Option<Picture> {
    let points = &advice.frontier;
    let wanted = advice.requirements.iter().find_map(|requirement| match (requirement.key, &requirement.wanted) {
        (Key::Read, Amount::BytesPerSecond(rate)) => Some(*rate),
        _ => None,
    });
    let cost = Scale::over(points.iter().map(dollars), LEFT, RIGHT)?;
    let rates = points.iter().map(|point| real(point.read)).chain(wanted.map(real));
    let speed = Scale::over(rates, BOTTOM, TOP)?;
    let at = |point: &Point| (cost.at(dollars(point)), speed.at(real(point.read)));
    let tiers = tiers(points);
    let tier_of = |point: &Point| tiers.iter().position(|tier| *tier == tier_name(&point.configuration)).unwrap_or(0);
    let need = wanted.map(|rate| speed.at(real(rate))).map(|y| Need { y, below: round(BOTTOM - y) });
    let taken: Vec<(f64, f64)> = points.iter().map(at).collect();
    let mut labels = Vec::new();
    if let (Some(rate), Some(need)) = (wanted, &need) {
        let text = format!("needed: {}", Amount::BytesPerSecond(rate));
        labels.push(beside_line("need", need.y, &text, &taken, INSIDE));
    }
    for (is, word, class) in [
        (points.iter().find(|point| point.is_chosen), "chosen", "chosen"),
        (points.iter().find(|point| point.is_current && !point.is_chosen), "now", ""),
    ] {
        if let Some(point) = is {
            let rate = Amount::BytesPerSecond(point.read);
            let text = format!("{word}: {rate} for {}", facts::monthly(Some(point.monthly)));
            labels.push(place(class, at(point), &text, &taken, &labels, need.as_ref().map(|need| need.y), INSIDE));
        }
    }
    let ringed = points.iter().filter(|point| point.is_chosen || point.is_current);
    let rings = ringed.map(|point| Ring { x: at(point).0, y: at(point).1, now: !point.is_chosen }).collect();
    let legend = tiers.iter().enumerate().map(|(index, tier)| {
        let y = TOP + 14.0 + LEGEND_LINE * real(index as u64);
        let path = mark(index, LEGEND + 6.0, y - 4.5);
        Entry { color: index % COLORS, path, x: LEGEND + 20.0, y, text: cut(&shown(tier), MOST_LEGEND) }
    });
    let below = TOP + 14.0 + LEGEND_LINE * real(tiers.len() as u64) + 8.0;
    let key = key(points).into_iter().enumerate();
    let key = key.map(|(index, text)| Line { x: LEGEND, y: below + 18.0 * real(index as u64), text });
    let subtitle = super::text::wrap(&shown(&advice.headline), MOST_HEAD);
    let subtitle: Vec<String> =
        if subtitle.len() > 2 { vec![subtitle[0].clone(), cut(&subtitle[1..].join(" "), MOST_HEAD)] } else { subtitle };
    let subtitle = subtitle.into_iter().enumerate().map(|(index, text)| Line {
        x: LEFT,
        y: 47.0 + 16.0 * real(index as u64),
        text,
    });
    Some(Picture {
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: RIGHT,
        top: TOP,
        bottom: BOTTOM,
        middle: f64::midpoint(LEFT, RIGHT),
        plot_width: RIGHT - LEFT,
        title: "FSx for Lustre: what more money buys".to_owned(),
        description: description(advice, wanted),
        subtitle: subtitle.collect(),
        need,
        rows: speed.ticks().map(|(value, at)| tick(rate(value), at)).collect(),
        columns: cost.ticks().map(|(value, at)| tick(amount(value), at)).collect(),
        frontier: line(&rising(&taken)),
        points: points
            .iter()
            .map(|point| {
                let (x, y) = at(point);
                let tier = tier_of(point);
                let words = format!(
                    "{}: {} a month, {}",
                    point.configuration.words,
                    facts::monthly(Some(point.monthly)),
                    Amount::BytesPerSecond(point.read)
                );
                Mark { color: tier % COLORS, path: mark(tier, x, y), meets: point.meets, words: shown(&words) }
            })
            .collect(),
        rings,
        labels,
        legend: legend.collect(),
        key: key.collect(),
    })
}

/// The points that are faster than all cheaper ones: the chosen one may be slower than one of which something is unknown.
fn rising(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut fastest = f64::INFINITY;
    let mut kept = points.to_vec();
    // Up is towards 0.
    kept.retain(|(_, y)| {
        let is_faster = *y < fastest;
        fastest = fastest.min(*y);
        is_faster
    });
    kept
}

/// What marks mean, and which file systems are ringed.
fn key(points: &[Point]) -> Vec<String> {
    let mut lines = vec!["filled: falls short nowhere".to_owned(), "hollow: falls short".to_owned()];
    for (word, is) in [
        ("chosen: ", points.iter().find(|point| point.is_chosen)),
        ("now, by [storage]: ", points.iter().find(|point| point.is_current && !point.is_chosen)),
    ] {
        if let Some(point) = is {
            lines.push(String::new());
            lines.extend(super::text::wrap(&shown(&format!("{word}{}", point.configuration.words)), MOST_LEGEND));
        }
    }
    lines
}

/// For whoever does not see the picture.
fn description(advice: &Advice, wanted: Option<u64>) -> String {
    let needed = wanted.map(|rate| format!(" Needed: {}.", Amount::BytesPerSecond(rate))).unwrap_or_default();
    let chosen = advice.frontier.iter().find(|point| point.is_chosen).map(|point| {
        let cost = facts::monthly(Some(point.monthly));
        format!(" Chosen: {}, {cost} a month, {}.", point.configuration.words, Amount::BytesPerSecond(point.read))
    });
    let count = super::text::count(advice.frontier.len(), "file system");
    shown(&format!("Cost a month against throughput of {count}.{needed}{}", chosen.unwrap_or_default()))
}

fn shown(text: &str) -> String {
    clean(text, &Theme::plain())
}

/// Which line of the price list it is on: `persistent-2 on SSD, 500 MB/s per TiB`.
fn tier_name(configuration: &Configuration) -> String {
    let media = match configuration.media.as_str() {
        "ssd" => "SSD",
        "hdd" => "HDD",
        other => other,
    };
    let rate = configuration.throughput_mbps_per_tib.map(|rate| format!(", {rate} MB/s/TiB")).unwrap_or_default();
    format!("{} {media}{rate}", configuration.deployment)
}

/// In the order of their cheapest point.
fn tiers(points: &[Point]) -> Vec<String> {
    let mut tiers: Vec<String> = Vec::new();
    for point in points {
        let name = tier_name(&point.configuration);
        if !tiers.contains(&name) {
            tiers.push(name);
        }
    }
    tiers
}

/// A circle, square, triangle, diamond or a triangle on its head, around a place.
fn mark(tier: usize, x: f64, y: f64) -> String {
    let corners: &[(f64, f64)] = match tier % SHAPES {
        0 => {
            return format!(
                "M{} {y}a{MARK} {MARK} 0 1 0 {} 0a{MARK} {MARK} 0 1 0 -{} 0Z",
                round(x - MARK),
                2.0 * MARK,
                2.0 * MARK
            );
        }
        1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        2 => &[(0.0, -1.2), (1.15, 0.85), (-1.15, 0.85)],
        3 => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
        _ => &[(0.0, 1.2), (1.15, -0.85), (-1.15, -0.85)],
    };
    let corners: Vec<(f64, f64)> = corners.iter().map(|(dx, dy)| (x + dx * MARK, y + dy * MARK)).collect();
    line(&corners) + "Z"
}

fn line(corners: &[(f64, f64)]) -> String {
    let steps = corners.iter().enumerate().map(|(index, (x, y))| {
        let step = if index == 0 { "M" } else { "L" };
        format!("{step}{} {}", round(*x), round(*y))
    });
    steps.collect()
}

fn tick(text: String, at: f64) -> Tick {
    Tick { at, text_at: round(at + 4.0), text }
}

fn rate(value: f64) -> String {
    Amount::BytesPerSecond(whole(value)).to_string()
}

/// `500`, `20,000`, `2 M`
fn amount(dollars: f64) -> String {
    match whole(dollars) {
        millions if millions >= 1_000_000 => format!("{} M", millions / 1_000_000),
        dollars => super::text::grouped(dollars),
    }
}

fn dollars(point: &Point) -> f64 {
    real(point.monthly.micros().max(0).unsigned_abs()) / 1e6
}

/// A tenth of a pixel.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[expect(clippy::cast_precision_loss, reason = "a picture shows three digits")]
const fn real(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ticks are positive and far below 2^64")]
const fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::advice_sample::{advice as sample, frontier, hopeless};
    use super::super::plot_scale::overlap;
    use super::*;

    #[test]
    fn the_picture_holds_everything_once() {
        let text = svg(&sample()).expect("there are points");
        assert_eq!(text.matches("class=\"point").count(), frontier().len() + 5);
        for words in ["needed: 20 GB", "chosen: 25.2 GB", "now: 7.2 GB", "now, by [storage]:", "10,000", "GB&#x2f;s"] {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert_snapshot!(text);
        assert_eq!(svg(&hopeless()), None);
    }

    #[test]
    fn words_bring_in_no_markup() {
        let mut harm = sample();
        harm.headline = "<script>alert(1)</script>\u{7}".to_owned();
        harm.frontier[0].configuration.words = "\"/><a>".to_owned();
        let text = svg(&harm).expect("there are points");
        assert!(!text.contains("<script") && !text.contains("<a>") && !text.contains('\u{7}'));
    }

    #[test]
    fn labels_never_overlap_whatever_is_chosen() {
        let all = sample();
        for chosen in 0..all.frontier.len() {
            for current in 0..all.frontier.len() {
                let mut advice = all.clone();
                for (index, point) in advice.frontier.iter_mut().enumerate() {
                    (point.is_chosen, point.is_current) = (index == chosen, index == current);
                }
                let labels = picture(&advice).expect("there are points").labels;
                for (index, label) in labels.iter().enumerate() {
                    let area = label.area();
                    assert!(area.0 >= LEFT && area.2 <= RIGHT && area.1 >= TOP && area.3 <= BOTTOM, "{label:?}");
                    let others = &labels[index + 1..];
                    assert!(!others.iter().any(|other| overlap(area, other.area())), "{labels:?}");
                }
            }
        }
    }
}
