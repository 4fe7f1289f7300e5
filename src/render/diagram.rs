//! The cluster as a picture, in Mermaid and as shapes of an SVG. Colours repeat what the words in the boxes say.

use std::fmt::Write as _;

use serde::Serialize;

use super::text::{clean, width, wrap};
use super::theme::Theme;
use super::words;
use crate::plan::{Danger, Flow, Part, Tier, Topology, Verb};

/// Boxes beyond these are no picture any more.
const MOST_PARTS: usize = 60;

/// Mermaid itself breaks lines at 200 px, but at spaces only.
const MERMAID_COLUMNS: usize = 40;

/// What is done to a part, to stand above its name: `replace: destroys data`. None: nothing. A symbol of the verb before it
/// would make Mermaid take the label for a list.
fn deed(part: &Part) -> Option<String> {
    let verb = match part.verb {
        Verb::Keep => return None,
        verb @ (Verb::Create | Verb::Update | Verb::Replace | Verb::Delete) => verb.word(),
    };
    Some(if part.danger > Danger::Safe { format!("{verb}: {}", words::danger(part.danger)) } else { verb.to_owned() })
}

/// A flowchart; None where there is nothing to draw or too much.
pub(super) fn mermaid(topology: &Topology) -> Option<String> {
    let Topology { parts, flows } = topology;
    if parts.is_empty() || parts.len() > MOST_PARTS {
        return None;
    }
    let mut out = "flowchart LR\n".to_owned();
    for (index, part) in parts.iter().enumerate() {
        let (open, close) = match part.tier {
            Tier::Source | Tier::Storage => ("[(", ")]"),
            Tier::Link => ("(", ")"),
            Tier::Compute => ("[", "]"),
        };
        let lines: Vec<String> = deed(part)
            .iter()
            .chain([&part.title])
            .chain(&part.lines)
            .flat_map(|line| wrapped(line, MERMAID_COLUMNS))
            .map(|line| label(&line))
            .collect();
        let _ = writeln!(out, "  p{index}{open}\"{}\"{close}", lines.join("<br/>"));
    }
    for Flow { from, to, forth, back } in flows {
        let arrow = match (forth, back) {
            (true, true) => "<-->",
            (true, false) => "-->",
            // Mermaid has no arrow that points only backwards; the label of the link says which way.
            (false, _) => "---",
        };
        let _ = writeln!(out, "  p{from} {arrow} p{to}");
    }
    for (class, style) in [
        ("create", "stroke:#2da44e,stroke-width:2px"),
        ("update", "stroke:#bf8700,stroke-width:2px"),
        ("replace", "stroke:#cf222e,stroke-width:4px"),
        ("delete", "stroke:#cf222e,stroke-width:2px,stroke-dasharray:6 4"),
    ] {
        let of_class: Vec<String> = parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.verb.word() == class)
            .map(|(index, _)| format!("p{index}"))
            .collect();
        if !of_class.is_empty() {
            let _ = write!(out, "  classDef {class} {style}\n  class {} {class}\n", of_class.join(","));
        }
    }
    Some(out)
}

/// Cleaned, in lines of at most so many columns: torn at spaces, and anywhere where a word is longer.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    wrap(&clean(text, &Theme::plain()), columns).iter().flat_map(|line| broken(line, columns)).collect()
}

/// Text without any meaning to Mermaid: what is not a letter, a digit or harmless becomes Mermaid's `#35;`.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || " .,-/".contains(c) => out.push(c),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}

/// A picture made of boxes, lines and heads of arrows, in units of a pixel.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    pub width: usize,
    pub height: usize,
    /// In a sentence, for who cannot see it.
    pub description: String,
    pub boxes: Vec<Shape>,
    pub lines: Vec<String>,
    pub heads: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Shape {
    pub class: &'static str,
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    /// Corners: buckets and links are rounder.
    pub radius: usize,
    pub texts: Vec<Line>,
}

#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub class: &'static str,
    pub x: usize,
    pub y: usize,
    pub text: String,
}

/// As wide as a phone shows without making letters smaller.
const WIDTH: usize = 400;
const MARGIN: usize = 4;
/// Links and nodes stand to the right of what they hang on.
const INDENT: usize = 36;
const PADDING: usize = 10;
const LINE_HEIGHT: usize = 17;
const GAP: usize = 14;
/// A column of 12 px monospace is 7.2 px wide; counted in tenths, with a reserve.
const TENTHS_OF_A_COLUMN: usize = 74;

struct Place {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

/// Boxes one below the other, so that it fits a phone: each bucket with its links, the file system, the nodes.
pub(super) fn picture(topology: &Topology) -> Option<Picture> {
    let Topology { parts, flows } = topology;
    if parts.is_empty() || parts.len() > MOST_PARTS {
        return None;
    }
    let mut places: Vec<Option<Place>> = parts.iter().map(|_| None).collect();
    let mut boxes = Vec::new();
    let mut top = MARGIN;
    for index in order(topology) {
        let part = &parts[index];
        let (left, right) = match part.tier {
            Tier::Source => (MARGIN, WIDTH - INDENT),
            Tier::Link => (INDENT, WIDTH - INDENT),
            Tier::Storage => (MARGIN, WIDTH - MARGIN),
            Tier::Compute => (INDENT, WIDTH - MARGIN),
        };
        let texts = texts(part, left, right, top);
        let bottom = top + texts.len() * LINE_HEIGHT + PADDING + PADDING / 2;
        let radius = if matches!(part.tier, Tier::Source | Tier::Link) { 12 } else { 4 };
        boxes.push(Shape {
            class: part.verb.word(),
            x: left,
            y: top,
            width: right - left,
            height: bottom - top,
            radius,
            texts,
        });
        places[index] = Some(Place { left, right, top, bottom });
        top = bottom + GAP;
    }
    let (mut lines, mut heads) = (Vec::new(), Vec::new());
    for flow in flows {
        if let (Some(from), Some(to)) = (&places[flow.from], &places[flow.to]) {
            arrow(*flow, parts[flow.to].tier, from, to, &mut lines, &mut heads);
        }
    }
    let description = parts
        .iter()
        .map(|part| match deed(part) {
            Some(deed) => format!("{} ({deed})", part.title),
            None => part.title.clone(),
        })
        .collect::<Vec<_>>()
        .join(", ");
    let description = clean(&format!("From S3 to the nodes: {description}."), &Theme::plain());
    Some(Picture { width: WIDTH, height: top - GAP + MARGIN, description, boxes, lines, heads })
}

/// Each bucket with its links, then the rest in its order.
fn order(topology: &Topology) -> Vec<usize> {
    let Topology { parts, flows } = topology;
    let mut order = Vec::new();
    for (index, _) in parts.iter().enumerate().filter(|(_, part)| part.tier == Tier::Source) {
        order.push(index);
        order.extend(flows.iter().filter(|flow| flow.from == index).map(|flow| flow.to));
    }
    let rest: Vec<usize> = (0..parts.len()).filter(|index| !order.contains(index)).collect();
    order.extend(rest);
    order
}

fn texts(part: &Part, left: usize, right: usize, top: usize) -> Vec<Line> {
    let columns = (right - left - 2 * PADDING) * 10 / TENTHS_OF_A_COLUMN;
    let all = deed(part)
        .into_iter()
        .map(|deed| ("deed", deed))
        .chain([("name", part.title.clone())])
        .chain(part.lines.iter().map(|line| ("fact", line.clone())));
    let mut texts = Vec::new();
    for (class, text) in all {
        for text in wrapped(&text, columns) {
            let y = top + PADDING / 2 + (texts.len() + 1) * LINE_HEIGHT;
            texts.push(Line { class, x: left + PADDING, y, text });
        }
    }
    texts
}

/// Lines of at most so many columns, torn anywhere.
fn broken(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for c in text.chars() {
        let line = lines.last().map_or(0, |line| width(line));
        if line > 0 && line + width(c.encode_utf8(&mut [0; 4])) > columns {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
    lines
}

/// Half the width, and the length, of the head of an arrow.
const HEAD: usize = 5;

/// Down along the left from what something hangs on; links lead to the file system along the right.
fn arrow(flow: Flow, to_tier: Tier, from: &Place, to: &Place, lines: &mut Vec<String>, heads: &mut Vec<String>) {
    let Flow { forth, back, .. } = flow;
    if to_tier == Tier::Storage {
        let (x, y) = (WIDTH - INDENT / 2, usize::midpoint(from.top, from.bottom));
        lines.push(format!("M{} {y}H{x}V{}", from.right, to.top));
        if forth {
            heads.push(format!("M{x} {}l-{HEAD} -{1}h{1}z", to.top, 2 * HEAD));
        }
        if back {
            heads.push(format!("M{} {y}l{1} -{HEAD}v{1}z", from.right, 2 * HEAD));
        }
    } else {
        let (x, y) = (from.left + INDENT / 2 - MARGIN, usize::midpoint(to.top, to.bottom));
        lines.push(format!("M{x} {}V{y}H{}", from.bottom, to.left));
        if forth {
            heads.push(format!("M{} {y}l-{1} -{HEAD}v{1}z", to.left, 2 * HEAD));
        }
        if back {
            heads.push(format!("M{x} {}l-{HEAD} {1}h{1}z", from.bottom, 2 * HEAD));
        }
    }
}
