//! Whether each group's boot script fits into user-data: packing it beforehand tells before anything is made and paid for.

use super::findings::{Subject, error};
use crate::bootstrap::{BootstrapError, Endpoint, user_data};
use crate::desired::{Desired, Resource};
use crate::plan::{Finding, Plan, Verb};

pub(in crate::apply) fn boot_scripts(desired: &Desired, plan: &Plan) -> Vec<Finding> {
    let written = plan.actions.iter().filter(|action| action.verb != Verb::Keep);
    written
        .filter_map(|action| match &desired.resources.get(&action.address)?.resource {
            Resource::Template(template) => {
                Some((&action.address, user_data(&template.boot, &endpoint(&plan.region)).err()?))
            }
            _ => None,
        })
        .map(|(address, problem)| {
            error("nodes::boot", "no boot script can be made for these nodes")
                .about(address)
                .why(problem.to_string())
                .how(match problem {
                    BootstrapError::TooLarge { .. } | BootstrapError::Nul => "change the spec as the note says",
                    BootstrapError::Template(_) => "report it: this is a mistake in provision",
                })
        })
        .collect()
}

/// As long as the real one, which is known once the file system is being made.
fn endpoint(region: &str) -> Endpoint {
    let file_system_id = "fs-0f3a91c87d52e6b4c".to_owned();
    Endpoint {
        dns_name: format!("{file_system_id}.fsx.{region}.amazonaws.com.cn"),
        file_system_id,
        mount_name: "k7dzqbev".to_owned(),
    }
}
