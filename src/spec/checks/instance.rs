//! `instance`: one type, or several in order of preference. What a type can do is the catalog's to say; a type that is not
//! in there is let through with a warning, since the catalog grows old.

use toml::Spanned;
use toml::de::DeValue;

use super::nodes::default_image;
use crate::catalog::instances::{self, Architecture, InstanceType};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::{At, Complained, Fields, listed, text, wrong_type};
use crate::spec::model::Market;
use crate::spec::places::span;

const EXPECTED: &str = "a string such as \"p5.48xlarge\"";
const EXPECTED_LIST: &str = "a string such as \"p5.48xlarge\", or an array of them in order of preference";
/// Types of one group. Our own bound: each is asked for in each zone, and nobody prefers a ninth.
pub(in crate::spec) const MOST: usize = 8;

/// The types in order of preference: one or more, no doubles.
pub(super) fn read(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Vec<At<String>>, Complained> {
    let Some(value) = fields.get("instance") else {
        return Err(fields.missing("instance", "instance = \"p5.48xlarge\"", out));
    };
    let written = match value.get_ref() {
        DeValue::String(_) => std::slice::from_ref(value),
        DeValue::Array(values) => values,
        _ => return Err(wrong_type(value, EXPECTED_LIST, out)),
    };
    let number = number(value, written.len(), out);
    let types: Vec<_> =
        written.iter().map(|each| text(each, EXPECTED, out).and_then(|each| known(each, out))).collect();
    let doubles = doubles(&types, out);
    number?;
    doubles?;
    types.into_iter().collect()
}

fn number(value: &Spanned<DeValue<'_>>, number: usize, out: &mut Diagnostics) -> Result<(), Complained> {
    let label = match number {
        0 => "empty".to_owned(),
        1..=MOST => return Ok(()),
        _ => format!("{number} types, and {MOST} are the most"),
    };
    out.push(
        Diagnostic::error("spec::instance", "a group cannot have this many instance types")
            .at(span(value), label)
            .help("name the types that will do, the best one first: `instance = [\"p5.48xlarge\", \"p5e.48xlarge\"]`"),
    );
    Err(Complained)
}

fn doubles(types: &[Result<At<String>, Complained>], out: &mut Diagnostics) -> Result<(), Complained> {
    let mut result = Ok(());
    for (index, each) in types.iter().enumerate() {
        let Ok(each) = each else { continue };
        if types[..index].iter().flatten().any(|earlier| earlier.value == each.value) {
            out.push(
                Diagnostic::error("spec::instance", "an instance type is named twice")
                    .at(each.span, "named before")
                    .help("leave it out here"),
            );
            result = Err(Complained);
        }
    }
    result
}

/// Whether a node can have this type.
fn known(instance: At<String>, out: &mut Diagnostics) -> Result<At<String>, Complained> {
    let name = instance.value.as_str();
    match instances::get(name) {
        Some(InstanceType { architecture: Architecture::Mac, .. }) => {
            out.push(no_type().at(instance.span, "runs macOS only").note("Lustre clients run Linux"));
            return Err(Complained);
        }
        Some(_) => return Ok(instance),
        None => {}
    }
    let shape = name.split_once('.').is_some_and(|(family, size)| {
        let part = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        part(family) && part(size)
    });
    if !shape || instances::family_known(name) {
        let label = if shape { "no such size of a known family" } else { "not a name of a type" };
        let mut complaint = no_type().at(instance.span, label);
        complaint = match instances::similar(name) {
            Some(meant) => complaint.help(format!("did you mean `{meant}`?")),
            None => complaint.help("write it like `\"p5.48xlarge\"`"),
        };
        out.push(complaint);
        return Err(Complained);
    }
    let mut complaint = Diagnostic::warning("spec::instance", "this instance type is not in the catalog")
        .at(instance.span, format!("not in the catalog of {}", instances::date()))
        .note("checked when the plan goes online; until then it is taken for an x86-64 type without EFA");
    if let Some(meant) = instances::similar(name) {
        complaint = complaint.help(format!("did you mean `{meant}`?"));
    }
    out.push(complaint);
    Ok(instance)
}

fn no_type() -> Diagnostic {
    Diagnostic::error("spec::instance", "no node can have this instance type")
}

/// Reads what depends on the type, once for each of them; once without, where there is none. A complaint that all of
/// them bring is made once, one that some bring says which.
pub(super) fn each<T>(
    types: &[At<String>],
    out: &mut Diagnostics,
    read: impl Fn(Option<&At<String>>, &mut Diagnostics) -> T,
) -> Vec<T> {
    if types.is_empty() {
        return vec![read(None, out)];
    }
    let mut complaints: Vec<(Diagnostic, Vec<&At<String>>)> = Vec::new();
    let mut all = Vec::new();
    for instance in types {
        let mut of_it = Diagnostics::default();
        all.push(read(Some(instance), &mut of_it));
        for complaint in of_it.sorted() {
            match complaints.iter_mut().find(|(known, _)| *known == complaint) {
                Some((_, by)) => by.push(instance),
                None => complaints.push((complaint, vec![instance])),
            }
        }
    }
    for (complaint, by) in complaints {
        let names_it = |(at, label): &(Span, String)| {
            by.iter().all(|instance| instance.span == *at || label.contains(&instance.value))
        };
        let is_clear = by.len() == types.len() || complaint.place.as_ref().is_some_and(names_it);
        out.push(if is_clear {
            complaint
        } else {
            complaint.note(format!("that is so for {}", listed(by.iter().map(|instance| instance.value.as_str()))))
        });
    }
    all
}

/// What only one type can have.
pub(super) fn together(
    fields: &Fields<'_, '_>,
    types: &[At<String>],
    market: Option<&Market>,
    out: &mut Diagnostics,
) -> Result<(), Complained> {
    let Some((first, others)) = types.split_first() else { return Ok(()) };
    let mut result = Ok(());
    if let (Some(other), Some(Market::CapacityBlock(_) | Market::Reservation(_))) = (others.first(), market) {
        out.push(
            Diagnostic::error("spec::market", "these nodes cannot be bought so")
                .at(other.span, "a second type, and reserved capacity is of one")
                .help("name the type of the reservation alone"),
        );
        result = Err(Complained);
    }
    let architecture = |instance: &At<String>| instances::get(&instance.value).map(|facts| facts.architecture);
    for other in others {
        let (Some(one), Some(another)) = (architecture(first), architecture(other)) else { continue };
        let image = |instance: &At<String>| default_image(instances::get(&instance.value));
        let complaint = Diagnostic::error("spec::alternatives", "one image cannot run on all of these types");
        if one != another {
            out.push(
                complaint
                    .at(other.span, format!("of another architecture than `{}`", first.value))
                    .note("a group has one image, and an image is built for one architecture")
                    .help("make a group of its own of these nodes"),
            );
            result = Err(Complained);
        } else if fields.get("image").is_none() && image(first) != image(other) {
            out.push(
                complaint
                    .at(other.span, format!("needs other drivers than `{}`", first.value))
                    .note("where `image` is left out, it is the AWS image with the drivers of the type")
                    .help("name an `image` that has the drivers of all of them, or make a group of its own"),
            );
            result = Err(Complained);
        }
    }
    result
}
