//! How a group's capacity is bought, and what goes with each way.

use toml::de::DeValue;

use super::network::wrong_id;
use super::shapes;
use crate::catalog::instances::InstanceType;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{At, Complained, Fields, Read, listed, similar, text, unknown_keys, wrong_type};
use crate::spec::model::Market;

const MARKETS: &[&str] = &["on-demand", "spot", "capacity-block"];
/// Instances in one Capacity Block (EC2 User Guide, ec2-capacity-blocks).
const BLOCK_MAX: i64 = 64;

pub(super) fn read(
    fields: &Fields<'_, '_>,
    facts: Option<&InstanceType>,
    count: Option<u32>,
    out: &mut Diagnostics,
) -> Result<Market, Complained> {
    let reservation = reservation(fields, out);
    let Some(value) = fields.get("market") else {
        no_reservation(reservation?, out)?;
        return Ok(Market::OnDemand);
    };
    if let DeValue::Table(table) = value.get_ref() {
        unknown_keys(table, &["reservation"], "`market`", out);
        no_reservation(reservation?, out)?;
        let Some(id) = table.get("reservation") else {
            if !table.is_empty() {
                return Err(Complained);
            }
            return Err(wrong_type(value, "a string such as \"on-demand\", or { reservation = \"cr-…\" }", out));
        };
        let id = text(id, "a string such as \"cr-0123456789abcdef0\"", out)?;
        return if shapes::is_id(&id.value, "cr") {
            Ok(Market::Reservation(id.value))
        } else {
            out.push(wrong_id(&id, "cr"));
            Err(Complained)
        };
    }
    let word = text(value, "a string such as \"on-demand\", or { reservation = \"cr-…\" }", out)?;
    match word.value.as_str() {
        "capacity-block" => capacity_block(fields, &word, reservation?, facts, count, out),
        "spot" if facts.is_some_and(|facts| !facts.spot) => {
            out.push(
                Diagnostic::error("spec::market", "these nodes cannot be bought so")
                    .at(word.span, "not sold as spot instances")
                    .help("take `market = \"on-demand\"`"),
            );
            Err(Complained)
        }
        "spot" => no_reservation(reservation?, out).map(|()| Market::Spot),
        "on-demand" => no_reservation(reservation?, out).map(|()| Market::OnDemand),
        other => {
            let help = match similar(other, MARKETS.iter().copied()) {
                Some(meant) => format!("did you mean `\"{meant}\"`?"),
                None => "for a capacity reservation write `market = { reservation = \"cr-…\" }`".to_owned(),
            };
            out.push(
                Diagnostic::error("spec::value", "this word is not known here")
                    .at(word.span, "not a value of `market`")
                    .note(format!("`market` may be {}", listed(MARKETS.iter().copied())))
                    .help(help),
            );
            Err(Complained)
        }
    }
}

fn reservation(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Read<String> {
    let Some(id) = fields.text("reservation", "a string such as \"cr-0123456789abcdef0\"", out)? else {
        return Ok(None);
    };
    if shapes::is_id(&id.value, "cr") {
        return Ok(Some(id));
    }
    out.push(wrong_id(&id, "cr"));
    Err(Complained)
}

/// `reservation` beside another market would be paid for and not used.
fn no_reservation(reservation: Option<At<String>>, out: &mut Diagnostics) -> Result<(), Complained> {
    let Some(At { value, span }) = reservation else { return Ok(()) };
    out.push(
        Diagnostic::error("spec::market", "these nodes cannot be bought so")
            .at(span, "not used by this market")
            .help(format!("write `market = {{ reservation = \"{value}\" }}`, or `market = \"capacity-block\"` for a Capacity Block")),
    );
    Err(Complained)
}

fn capacity_block(
    fields: &Fields<'_, '_>,
    word: &At<String>,
    reservation: Option<At<String>>,
    facts: Option<&InstanceType>,
    count: Option<u32>,
    out: &mut Diagnostics,
) -> Result<Market, Complained> {
    let mut fine = true;
    if facts.is_some_and(|facts| !facts.capacity_block) {
        out.push(
            Diagnostic::error("spec::market", "these nodes cannot be bought so")
                .at(word.span, "not sold in Capacity Blocks")
                .help("take `market = \"on-demand\"` or `\"spot\"`"),
        );
        fine = false;
    }
    if count.is_some_and(|count| i64::from(count) > BLOCK_MAX) {
        out.push(
            Diagnostic::error("spec::market", "these nodes cannot be bought so")
                .at(word.span, format!("a Capacity Block has {BLOCK_MAX} instances at most"))
                .help("make a group for each block"),
        );
        fine = false;
    }
    let Some(reservation) = reservation else {
        return Err(fields.missing("reservation", "reservation = \"cr-0123456789abcdef0\"", out));
    };
    if fine { Ok(Market::CapacityBlock(reservation.value)) } else { Err(Complained) }
}
