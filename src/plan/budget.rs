//! What speaks against a plan for its cost. `budget` in the spec: what makes the cluster costlier than that is refused;
//! what lowers its cost, or leaves it, never is.

use super::cost::{Cost, CostItem, Meter};
use super::diff::{error, warning};
use super::model::{Finding, Purpose};
use crate::catalog::prices::{Prices, Usd};
use crate::desired::{Address, Kind};
use crate::spec::Budget;

/// None: it fits, and nothing of it is unknown.
pub(super) fn check(purpose: Purpose, budget: Option<Budget>, cost: &Cost) -> Option<Finding> {
    // What goes costs less in any case.
    let budget = budget.filter(|_| purpose == Purpose::Up)?;
    let after = cost.most.unwrap_or_else(|| cost.after());
    let is_most = cost.most.is_some_and(|most| most.hourly > cost.after().hourly);
    let period = |hourly: Usd| hourly.times(budget.per.hours());
    let known = period(after.hourly);
    let per = budget.per.word();
    if known > budget.amount {
        let is_cheaper = !is_most
            && cost.now().is_some_and(|now| now.hourly > Usd::ZERO)
            && cost.difference().is_some_and(|difference| difference.complete && difference.hourly <= Usd::ZERO);
        let mut finding = if is_cheaper {
            warning("plan::budget", None, "the cluster costs more than its budget, and no more than now")
        } else {
            let verb = if is_most { "may" } else { "would" };
            error("plan::budget", None, format!("the cluster {verb} cost more than its budget"))
        };
        let at_least = if after.complete { "" } else { "at least " };
        let at_most = if is_most { "with the dearest types that its groups may be of, " } else { "" };
        finding.notes.push(format!("once applied: {at_most}{at_least}{known}/{per} ({}/hour)", after.hourly));
        finding.notes.push(format!("budget: {budget}; {} too much", known - budget.amount));
        if !after.complete {
            finding.notes.push(unknown(cost));
        }
        finding.help = Some(if is_most {
            "leave the dearest types out of `instance`, take fewer nodes, or raise `budget`".to_owned()
        } else {
            what_fits(budget, cost)
        });
        return Some(finding);
    }
    if after.complete {
        return None;
    }
    let mut finding = warning("plan::budget", None, "whether the budget holds is not known");
    finding.notes.push(format!("what is known costs {known}/{per}, within the budget of {budget}"));
    finding.notes.push(unknown(cost));
    finding.help =
        Some("ask AWS for prices with `provision prices update`, or give your own: `--prices FILE`".to_owned());
    Some(finding)
}

/// The user gave prices, and they are of elsewhere.
pub(super) fn unused_prices(prices: &Prices) -> Option<Finding> {
    let given = prices.given()?;
    let other = given.other_region.as_deref()?;
    let mut finding = warning("plan::prices", None, "the prices that were given are of another region");
    finding.notes.push(format!(
        "`{}` is of {other}, and the cluster is in {}: none is used",
        given.name,
        prices.region()
    ));
    finding.help = Some("give prices of this region, or take the line `# region:` out".to_owned());
    Some(finding)
}

fn unknown(cost: &Cost) -> String {
    let unknown: Vec<String> = cost
        .items
        .iter()
        .filter(|item| item.hourly.is_none())
        .map(|item| format!("{}: {}", item.address, item.what))
        .collect();
    format!("unknown: {}", unknown.join("; "))
}

/// How many nodes of the costliest group there can be, if that is what makes it too much.
fn what_fits(budget: Budget, cost: &Cost) -> String {
    let raise = "raise `budget`";
    let hourly = |items: &[&CostItem]| items.iter().filter_map(|item| item.hourly).sum::<Usd>();
    let of =
        |address: &Address| -> Vec<&CostItem> { cost.items.iter().filter(|item| item.address == *address).collect() };
    let groups = cost.items.iter().filter(|item| item.address.kind == Kind::Nodes && item.meter == Meter::Instances);
    let Some(costliest) = groups.max_by_key(|item| item.hourly) else {
        return format!("take less storage, or {raise}");
    };
    let count = costliest.quantity;
    let group = hourly(&of(&costliest.address));
    let others = cost.after().hourly - group;
    let cost_of = |nodes: u64| (others + group.part(nodes, count)).times(budget.per.hours());
    let fits = (1..count).rev().find(|nodes| cost_of(*nodes) <= budget.amount);
    let name = &costliest.address.name;
    match fits {
        Some(1) => format!("1 node instead of {count} in `{name}` would fit; or {raise}"),
        Some(nodes) => format!("{nodes} nodes instead of {count} in `{name}` would fit; or {raise}"),
        None => format!("fewer nodes in `{name}` are not enough: take cheaper ones or less storage, or {raise}"),
    }
}
