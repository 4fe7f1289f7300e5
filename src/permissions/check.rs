//! An independent look at a policy: does IAM take it for what it is meant to be? Runs before every policy is printed.
//!
//! IAM itself says nothing about an action that does not exist, a resource that no action of the statement takes, or a
//! condition on a key that a request does not have: such a statement just never allows anything.

use std::collections::BTreeSet;

use super::policy::{Policy, Statement};
use crate::catalog::actions::{self, Action, ResourceType};

/// Present in every request (IAM User Guide, "AWS global condition context keys").
const EVERYWHERE: [&str; 2] = ["aws:CalledVia", "aws:RequestedRegion"];

/// What is wrong; empty if nothing is.
pub fn check(policy: &Policy) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut sids = BTreeSet::new();
    for statement in &policy.statement {
        if !sids.insert(&statement.sid) || !statement.sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            wrong.push(format!("{}: a Sid is letters and digits, and there once", statement.sid));
        }
        check_statement(statement, &mut wrong);
    }
    check_required(policy, &mut wrong);
    wrong
}

fn check_statement(statement: &Statement, wrong: &mut Vec<String>) {
    let Statement { sid, effect: _, action, resource, condition } = statement;
    let mut actions: Vec<&Action> = Vec::new();
    for name in &action.0 {
        match actions::all().get(name) {
            Some(action) => actions.push(action),
            None => wrong.push(format!("{sid}: {name} is not in the table of actions")),
        }
    }
    for arn in &resource.0 {
        if !actions.iter().any(|action| takes(action, arn)) {
            wrong.push(format!("{sid}: no action takes {arn}"));
        }
    }
    for action in actions {
        if !resource.0.iter().any(|arn| takes(action, arn)) {
            wrong.push(format!("{sid}: {} takes none of its resources", action.name));
        }
        let named = action.resources.iter().filter(|of| resource.0.iter().any(|arn| names(action, arn, of)));
        let named: Vec<&ResourceType> = named.collect();
        for key in condition.values().flat_map(|keys| keys.keys()) {
            let key = key.split('/').next().unwrap_or_default();
            let by_type = !named.is_empty() && named.iter().all(|of| of.keys.contains(&key));
            if !(EVERYWHERE.contains(&key) || action.keys.contains(&key) || by_type) {
                wrong.push(format!("{sid}: {} knows no condition {key}", action.name));
            }
        }
    }
}

/// Every type that an action cannot do without is allowed somewhere.
fn check_required(policy: &Policy, wrong: &mut Vec<String>) {
    let all: BTreeSet<&str> = policy.statement.iter().flat_map(|each| each.action.0.iter().copied()).collect();
    for action in all.into_iter().filter_map(|name| actions::all().get(name)) {
        for of in action.resources.iter().filter(|of| of.required) {
            let mut with_it = policy.statement.iter().filter(|each| each.action.0.contains(&action.name));
            if !with_it.any(|each| each.resource.0.iter().any(|arn| names(action, arn, of))) {
                wrong.push(format!("{} is allowed on no {}", action.name, of.name));
            }
        }
    }
}

fn takes(action: &Action, arn: &str) -> bool {
    arn == "*" || action.resources.iter().any(|of| names(action, arn, of))
}

/// Whether an ARN may stand for a resource of a type.
fn names(action: &Action, arn: &str, of: &ResourceType) -> bool {
    if arn == "*" {
        return true;
    }
    let mut parts = arn.splitn(6, ':');
    let (Some(service), Some(resource)) = (parts.nth(2), parts.nth(2)) else { return false };
    let written = match service {
        "s3" if resource.contains('/') => "object",
        "s3" => "bucket",
        _ => resource.split('/').next().unwrap_or(resource),
    };
    // Systems Manager speaks with EC2's instances.
    let owner = if of.name == "instance" { Some("ec2") } else { action.name.split(':').next() };
    owner == Some(service) && (written == "*" || written == of.name)
}
