//! `layout` of a `[[dataset]]`: a name from the catalog, or a stripe count and size.

use toml::Spanned;
use toml::de::DeValue;

use crate::catalog::layouts::{self, STRIPE_COUNT_MAX, STRIPE_SIZE_MAX_KIB, STRIPE_SIZE_STEP_KIB};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{At, Complained, Fields, listed, similar, text, wrong_type};
use crate::spec::model::Layout;
use crate::spec::units::Unit;

const EXPECTED: &str = "a string such as \"checkpoints\", or { stripe_count = 4, stripe_size = \"4 MiB\" }";

pub(super) fn read(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Option<Layout>, Complained> {
    let Some(value) = fields.get("layout") else { return Ok(None) };
    match value.get_ref() {
        DeValue::Table(_) => explicit(value, out).map(Some),
        DeValue::String(_) => named(value, out).map(Some),
        _ => Err(wrong_type(value, EXPECTED, out)),
    }
}

fn named(value: &Spanned<DeValue<'_>>, out: &mut Diagnostics) -> Result<Layout, Complained> {
    let At { value: word, span } = text(value, EXPECTED, out)?;
    if let Some(layout) = layouts::get(&word) {
        return Ok(Layout::Named(layout));
    }
    let names = || layouts::all().iter().map(|each| each.name);
    let complaint = Diagnostic::error("spec::value", "this word is not known here")
        .at(span, "not a value of `layout`")
        .note(format!("`layout` may be {}", listed(names())));
    out.push(match similar(&word, names()) {
        Some(meant) => complaint.help(format!("did you mean `\"{meant}\"`?")),
        None => complaint.help("for anything else write `layout = { stripe_count = 4, stripe_size = \"4 MiB\" }`"),
    });
    Err(Complained)
}

fn explicit(value: &Spanned<DeValue<'_>>, out: &mut Diagnostics) -> Result<Layout, Complained> {
    let fields = Fields::open("layout", value, &["stripe_count", "stripe_size"], out)?;
    let (count, size) = (stripe_count(&fields, out), stripe_size(&fields, out));
    Ok(Layout::Explicit { stripe_count: count?, stripe_size_kib: size? })
}

fn stripe_count(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<i32, Complained> {
    let Some(At { value, span }) = fields.number("stripe_count", "a number such as 4, or -1 for all", out)? else {
        return Err(fields.missing("stripe_count", "stripe_count = -1", out));
    };
    let legal = value == -1 || (1..=STRIPE_COUNT_MAX).contains(&value);
    if let (true, Ok(count)) = (legal, i32::try_from(value)) {
        return Ok(count);
    }
    out.push(
        Diagnostic::error("spec::layout", "a file cannot be spread over so many disks")
            .at(span, "not one of those possible")
            .note(format!("1 to {STRIPE_COUNT_MAX}, or -1 for all there are"))
            .help("take `stripe_count = -1`"),
    );
    Err(Complained)
}

fn stripe_size(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Option<u32>, Complained> {
    let Some(At { value, span }) = fields.size("stripe_size", "4 MiB", out)? else { return Ok(None) };
    let legal = |kib: &u64| {
        (STRIPE_SIZE_STEP_KIB..=STRIPE_SIZE_MAX_KIB).contains(kib) && kib.is_multiple_of(STRIPE_SIZE_STEP_KIB)
    };
    if let Some(kib) = value.whole(Unit::Kib).filter(legal).and_then(|kib| u32::try_from(kib).ok()) {
        return Ok(Some(kib));
    }
    out.push(
        Diagnostic::error("spec::layout", "files have no stripes of this size")
            .at(span, "not one of those possible")
            .note(format!(
                "a multiple of {STRIPE_SIZE_STEP_KIB} KiB, smaller than 4 GiB; Lustre's own default is 1 MiB"
            ))
            .help("take `stripe_size = \"4 MiB\"`"),
    );
    Err(Complained)
}
