//! `[network]`: where the cluster lives.

use super::shapes;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{At, Complained, Fields};
use crate::spec::model::Network;

pub(in crate::spec) const KEYS: &[&str] = &["subnets", "security_group"];

pub(in crate::spec) fn read(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Network, Complained> {
    let subnets = subnets(fields, out);
    let group = security_group(fields, out);
    Ok(Network { subnets: subnets?, security_group: group? })
}

fn subnets(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Vec<String>, Complained> {
    let Some(At { value: subnets, span }) = fields.texts("subnets", "subnet-0123456789abcdef0", out)? else {
        return Ok(Vec::new());
    };
    let mut fine = true;
    if subnets.is_empty() {
        out.push(
            Diagnostic::error("spec::network", "there is no subnet to choose from")
                .at(span, "empty")
                .help("name at least one subnet, or leave `subnets` out: then the default VPC's are taken"),
        );
        fine = false;
    }
    for (index, subnet) in subnets.iter().enumerate() {
        if !shapes::is_id(&subnet.value, "subnet") {
            out.push(wrong_id(subnet, "subnet"));
            fine = false;
        } else if subnets[..index].iter().any(|earlier| earlier.value == subnet.value) {
            out.push(Diagnostic::error("spec::network", "this subnet is named twice").at(subnet.span, "a second time"));
            fine = false;
        }
    }
    if fine { Ok(subnets.into_iter().map(|subnet| subnet.value).collect()) } else { Err(Complained) }
}

fn security_group(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Option<String>, Complained> {
    let Some(group) = fields.text("security_group", "a string such as \"sg-0123456789abcdef0\"", out)? else {
        return Ok(None);
    };
    if shapes::is_id(&group.value, "sg") {
        return Ok(Some(group.value));
    }
    out.push(wrong_id(&group, "sg"));
    Err(Complained)
}

/// The complaint about an id of the wrong shape.
pub(in crate::spec) fn wrong_id(at: &At<String>, prefix: &str) -> Diagnostic {
    Diagnostic::error("spec::id", "this is not an id of AWS")
        .at(at.span, format!("must be `{prefix}-` and hexadecimal digits"))
        .help(format!("write it like `\"{prefix}-0123456789abcdef0\"`"))
}
