//! The whole answer, put together: demand, search, every service, and what it all means in time and money.

use super::advice::{
    Advice, Candidate, CostLine, Evaluated, FORMAT_VERSION, Fit, Outcome, PricesOf, Provision, Service, Source,
};
use super::config::Config;
use super::demand::Demand;
use super::frontier;
use super::judge::{bottleneck, judgements, stages, worst};
use super::money;
use super::others::{self, fit};
use super::question::Question;
use super::search::{self, Bounds, Found};
use super::tell;
use crate::catalog::fsx::Kind;
use crate::catalog::prices::{Prices, Usd};
use crate::spec::Open;

/// Advises. Always answers: what is not said is assumed, and what nobody sells is told.
pub fn advise(question: &Question<'_>) -> Advice {
    let prices = prices(question.prices);
    let demand = Demand::of(question);
    let fixed = Bounds {
        storage: question.storage.filter(|storage| storage.has_sizes()),
        open: question.open,
        linked: !question.datasets.is_empty(),
        nodes: question.nodes,
    };
    let current = fixed.storage.and_then(Config::of);
    // Where `[storage]` says everything there is nothing to choose, but for what would do better.
    let free = Bounds { storage: None, open: Open::default(), ..fixed };
    let bounds = if current.is_some() { free } else { fixed };
    let chosen = search::best(&bounds, &demand, prices).filter(|found| found.outcome != Outcome::FallsShort);
    let chosen = chosen.map(|found| found.config);
    let hourly = money::nodes_hourly(question.nodes, prices);
    let points = frontier::points(&bounds, &demand, prices, hourly, (chosen, current));
    let evaluated = |config: Config| evaluate(&config, &demand, question, prices);
    let (current_told, chosen_told) = (current.map(evaluated), chosen.map(evaluated));
    let judged = current.or(chosen).and_then(|config| Some((config, config.month(&demand, prices)?)));
    let time_and_money = money::of(question, &demand, prices, judged, &points);
    let options = options(question, &demand, &bounds, prices);
    let headline = tell::headline(current_told.as_ref(), chosen_told.as_ref(), &options, &time_and_money);
    Advice {
        format_version: FORMAT_VERSION,
        region: question.region.to_owned(),
        prices: PricesOf {
            region: prices.region().to_owned(),
            date: prices.date().map(str::to_owned),
            source: prices.source().to_owned(),
        },
        headline,
        requirements: demand.requirements,
        assumptions: demand.assumptions,
        contradictions: demand.contradictions,
        options,
        current: current_told,
        chosen: chosen_told,
        frontier: points,
        time_and_money,
    }
}

/// Those asked with, unless nobody knows what FSx costs there: then those that sizes are compared by.
pub(super) fn prices(given: &Prices) -> &Prices {
    if given.storage_gb_month(Kind::Persistent2Ssd, Some(250), false).is_some() { given } else { Prices::builtin() }
}

pub(super) fn evaluate(config: &Config, demand: &Demand, question: &Question<'_>, prices: &Prices) -> Evaluated {
    let stages = stages(config, demand, question.nodes);
    let judged = judgements(config, demand, question.nodes);
    let outcome = worst(&judged);
    let monthly = config.month(demand, prices);
    let bottleneck = bottleneck(&stages);
    let wait = frontier::delivered(config, demand, question.nodes).map(|rate| frontier::wait_permille(rate, demand));
    Evaluated {
        configuration: config.configuration(),
        meets: outcome != Outcome::FallsShort,
        monthly,
        hourly: monthly.map(Usd::month_to_hour),
        why: tell::why(&judged, bottleneck, &stages),
        stages,
        bottleneck,
        wait_permille: demand.gpus_take.and(wait),
    }
}

/// Every kind of FSx for Lustre and every other service, best first.
fn options(question: &Question<'_>, demand: &Demand, bounds: &Bounds<'_>, prices: &Prices) -> Vec<Candidate> {
    // Also what links rule out is weighed: it falls short of them.
    let open = Bounds { storage: None, open: Open::default(), linked: false, ..*bounds };
    let left = bounds.kinds();
    let lustre = Kind::ALL.into_iter().map(|kind| {
        let bounds = if left.contains(&kind) { bounds } else { &open };
        lustre(kind, search::best_of(kind, bounds, demand, prices), question, demand, prices)
    });
    let mut all: Vec<Candidate> = lustre.chain(others::candidates(question, demand)).collect();
    all.sort_by_key(|option| {
        let short = option.judgements.iter().filter(|each| each.outcome == Outcome::FallsShort).count();
        (option.fit, short, option.monthly.is_none(), option.monthly, option.service)
    });
    let best = all.first().and_then(|best| Some((best.name.clone(), best.monthly?)));
    for (index, option) in all.iter_mut().enumerate() {
        option.rank = u32::try_from(index + 1).unwrap_or(u32::MAX);
        option.verdict = tell::verdict(option, best.as_ref());
    }
    all
}

fn lustre(kind: Kind, found: Option<Found>, question: &Question<'_>, demand: &Demand, prices: &Prices) -> Candidate {
    let words = kind.to_string().replace('`', "");
    let config = found.map(|found| found.config);
    let judged = config.map(|config| judgements(&config, demand, question.nodes)).unwrap_or_default();
    let source = |sure: bool| Source {
        text: prices.source().to_owned(),
        date: prices.date().unwrap_or("unknown").to_owned(),
        verified: sure,
    };
    let parts = config.map(|config| config.costs(demand, prices)).unwrap_or_default();
    let costs: Vec<CostLine> = parts
        .into_iter()
        .map(|part| CostLine {
            monthly: part.month(),
            what: part.what,
            quantity: part.quantity,
            price: part.price,
            source: source(part.sure),
        })
        .collect();
    Candidate {
        rank: 0,
        id: format!("fsx-lustre/{}", kind.sku()),
        service: Service::FsxLustre,
        name: format!("FSx for Lustre, {words}"),
        fit: if config.is_some() { fit(&judged) } else { Fit::FallsShort },
        size: config.map(|config| config.size()),
        configuration: config.map(|config| config.configuration()),
        judgements: judged,
        monthly: found.map(|found| found.month),
        costs,
        verdict: String::new(),
        provision: Provision::Kind { kind: "fsx-lustre".to_owned() },
    }
}
