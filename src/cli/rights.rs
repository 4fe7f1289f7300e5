//! From the policy that a spec needs to the questions whether the caller may do all of that.

use std::collections::BTreeSet;

use crate::apply::prepare::Prepared;
use crate::cloud::{Context, Create, Known, Rights, Use};
use crate::desired::{Desired, Kind};
use crate::permissions::{self, Purpose, Statement, Target};
use crate::plan::{Op, Plan};
use crate::spec::{Nodes, Spec};

/// What is tried goes with the first epoch's tags; which one it is, no policy asks.
const EPOCH: u32 = 1;

/// None: the plan changes nothing.
pub(super) fn wanted(spec: &Spec, prepared: &Prepared) -> Option<Rights> {
    let Prepared { identity, desired, plan, .. } = prepared;
    if !plan.has_changes() {
        return None;
    }
    let target = Target { partition: &identity.partition, account: &identity.account };
    let policy = |purpose| permissions::policy(spec, desired, &target, purpose).statement;
    let insists = spec.nodes.iter().any(Nodes::insists_on_probe);
    let is_asked =
        |sid: &str| !permissions::FOR_NODES.contains(&sid) && (insists || !permissions::FOR_CAPACITY.contains(&sid));
    // What only looks was just done.
    let looks: BTreeSet<String> = policy(Purpose::Plan).into_iter().map(|statement| statement.sid).collect();
    let uses = policy(Purpose::Apply)
        .iter()
        .filter(|statement| !looks.contains(&statement.sid) && is_asked(&statement.sid))
        .map(of)
        .collect();
    Some(Rights { principal: principal(&identity.arn), uses, trials: trials(desired, plan) })
}

/// Whose policies are asked: a session's are its role's. None for the root user and for federated ones, which have none.
fn principal(arn: &str) -> Option<String> {
    let (before, resource) = arn.rsplit_once(':')?;
    let mut parts = resource.split('/');
    match parts.next()? {
        "user" | "role" => Some(arn.to_owned()),
        // arn:aws:sts::123456789012:assumed-role/NAME/SESSION
        "assumed-role" => Some(format!("{}:role/{}", before.replace(":sts:", ":iam:"), parts.next()?)),
        _ => None,
    }
}

/// A request in which the conditions of a statement hold.
fn of(statement: &Statement) -> Use {
    let context = statement.condition.iter().flat_map(|(operator, keys)| {
        let is_list = operator.starts_with("ForAnyValue:");
        keys.iter().map(move |(key, values)| Context {
            key: key.clone(),
            values: values.0.iter().take(1).cloned().collect(),
            is_list,
        })
    });
    Use {
        actions: statement.action.0.iter().map(|action| (*action).to_owned()).collect(),
        // Of any type: instances stand for all.
        resources: statement.resource.0.iter().map(|arn| arn.replace(":*/*", ":instance/*")).collect(),
        context: context.collect(),
    }
}

/// What EC2 checks without doing it, of all that the plan makes.
fn trials(desired: &Desired, plan: &Plan) -> Vec<Create> {
    let made = plan.steps.iter().filter(|step| matches!(step.op, Op::Create { .. }));
    let tried = made.filter(|step| matches!(step.address.kind, Kind::SecurityGroup | Kind::Placement | Kind::Template));
    tried
        .filter_map(|step| {
            let wanted = desired.resources.get(&step.address)?;
            Some(Create {
                tags: desired.id.tags(&step.address, &wanted.spec, EPOCH, &desired.tags),
                token: String::new(),
                address: step.address.clone(),
                resource: wanted.resource.clone(),
                count: 1,
                least: 1,
                known: Known::default(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_policies_of_its_role() {
        let account = "arn:aws-us-gov:iam::123456789012";
        for (arn, expected) in [
            (format!("{account}:user/team/ana"), Some(format!("{account}:user/team/ana"))),
            ("arn:aws-us-gov:sts::123456789012:assumed-role/ci/run-1".to_owned(), Some(format!("{account}:role/ci"))),
            (format!("{account}:root"), None),
            ("arn:aws:sts::123456789012:federated-user/ana".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(principal(&arn), expected, "{arn}");
        }
    }
}
