//! The look before anything is done: who we are, what there is, what is still to be settled, and the plan that follows.
//!
//! `plan` ends here; `up` and `down` go on from here. They share every line of it, so a plan shows what a run will do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::capacity::{self, ZoneAnswer};
use super::event::Failure;
use super::moving;
use super::patience::patiently;
use super::preflight::{
    self, Asked, Known, blocks, boot_scripts, chosen, findings, images, no_public_address, not_compared, open_types,
    pinned, questions, settle, taken, told, within_quotas,
};
use super::recovered::recovered;
use crate::catalog::prices::{PriceBook, Prices};
use crate::cloud::{Class, Clock, Cloud, CloudError, Identity, Questions, Rights, Scope};
use crate::desired::{self, Address, Choice, ClusterId, Desired, Kind, Pins, Place, Settled};
use crate::diagnostic::Diagnostic;
use crate::observed::Observed;
use crate::plan::{self, Basis, Finding, Input, Lives, Options, Plan, Purpose, Sizing, Sources};
use crate::record::{self, CONSISTENCY_WINDOW_S, Record};
use crate::spec::{Nodes, Spec};

/// What a plan is made for.
#[derive(Debug, Clone)]
pub struct Request {
    pub purpose: Purpose,
    pub cluster: String,
    /// None: whatever bears the cluster's name goes.
    pub spec: Option<Spec>,
    pub options: Options,
    /// Becomes the deployment's id if the cluster has none yet.
    pub new_deployment: String,
    /// Look again until what was made a moment ago is seen: whoever acts on the look must, whoever only shows it need not.
    pub patient: bool,
    pub prices: PriceBook,
    /// Ids of nodes to be replaced although nothing is wrong with them; then nothing but nodes may change.
    pub replace: Vec<String>,
    /// Where this run has found room; None: where the cluster is settled, or the first zone that fits.
    pub room: Option<Room>,
    /// Group and type: launches that this run has seen refused for want of capacity, offer or quota.
    pub refused: BTreeSet<(String, String)>,
    /// Launches that were refused in zones which this run is to leave, or has left.
    pub left: Vec<ZoneAnswer>,
}

/// Where there is room, why it is there, and of which types: by group with several.
pub type Room = (Place, Choice, BTreeMap<String, String>);

/// All that was learnt, and the plan.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub identity: Identity,
    pub parameters: BTreeMap<String, String>,
    /// With what was settled; written before the first call. Not yet in the cloud if `is_new`.
    pub record: Record,
    pub is_new: bool,
    /// The plan is one for a move to another zone: the record as it is until that begins.
    pub unmoved: Option<Box<Record>>,
    pub scope: Scope,
    pub observed: Observed,
    pub desired: Desired,
    pub plan: Plan,
    /// The spec with the types that its groups may still have; None: there is no spec.
    pub open: Option<Spec>,
    /// Zones by type, as far as they were asked for.
    pub offerings: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Cloud(#[from] CloudError),
    #[error(transparent)]
    Record(#[from] record::Unreadable),
    /// The plan breaks a promise: a bug of ours, found before it does harm.
    #[error("the plan breaks what it promises: {}", .0.join("; "))]
    Broken(Vec<String>),
    /// Whether there is room for the nodes could not be found out.
    #[error("{0}")]
    Unsecured(Failure),
    /// A look for another zone to move to, and there is none.
    #[error("no other availability zone can hold the cluster")]
    Nowhere,
    /// What was asked for cannot be: complaints, as of a spec.
    #[error("the cluster cannot be planned")]
    Refused(Vec<Diagnostic>),
}

/// Between two looks for what was made a moment ago.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Looks and plans.
pub async fn prepare<C: Cloud, K: Clock>(cloud: &C, clock: &K, request: &Request) -> Result<Prepared, Failed> {
    let path = record::path(&request.cluster);
    let (identity, parameters) = tokio::join!(patiently(|| cloud.identity()), patiently(|| cloud.parameters(&path)));
    // Whether we are anyone comes first, also where both fail.
    let (identity, parameters) = (identity?, parameters?);
    let stored = record::read(&request.cluster, &parameters)?;
    let (mut record, mut observed, mut scope) =
        Box::pin(look(cloud, clock, request, &identity, stored.clone())).await?;
    // Storage is looked at before links. A machine that slept in between sees links of a cluster that somebody else has made
    // meanwhile, on a file system that it does not see; and links are seen for a while after their storage is gone. Another
    // look tells.
    let until = Instant::now() + Duration::from_secs(CONSISTENCY_WINDOW_S.unsigned_abs());
    let mut is_last = stored.is_some();
    while !is_last && request.spec.as_ref().is_some_and(|it| preflight::another(it, &record.pins, &observed).is_some())
    {
        is_last = !request.patient || Instant::now() >= until;
        tokio::time::sleep(LOOK_AGAIN).await;
        (record, observed, scope) = Box::pin(look(cloud, clock, request, &identity, None)).await?;
    }
    let id = ClusterId {
        cluster: request.cluster.clone(),
        region: identity.region.clone(),
        deployment: record.deployment.clone(),
    };
    let prices = &request.prices.prices(&identity.region);
    let Some(spec) = &request.spec else {
        let desired = Desired { to_export: record.to_export(), ..Desired::nothing(id) };
        let input = Input {
            purpose: request.purpose,
            desired: &desired,
            observed: &observed,
            record: &record,
            options: request.options,
            replace: &request.replace,
        };
        let plan = plan::plan(&input, prices);
        let (is_new, offerings) = (stored.is_none(), BTreeMap::new());
        let (open, unmoved) = (None, None);
        return Ok(Prepared {
            identity,
            parameters,
            record,
            is_new,
            unmoved,
            scope,
            observed,
            desired,
            plan,
            open,
            offerings,
        });
    };
    let (spec, sizing) = sized(spec, &identity.region, &mut record.pins, &observed, prices)?;
    let spec = &spec;
    if let Some(complaint) = preflight::another(spec, &record.pins, &observed) {
        return Err(Failed::Refused(vec![complaint]));
    }
    let unusable = preflight::unusable(spec, &observed, &identity.region, &identity.account);
    if let Some(finding) = unusable.clone().filter(|_| record.pins.place.is_none()) {
        return Err(Failed::Refused(vec![preflight::as_complaint(finding)]));
    }
    let given_up = moving::give_up(&mut record, &observed);
    let leaving = moving::leaving(request, spec, &record, &observed);
    let unmoved = leaving.is_some().then(|| Box::new(record.clone()));
    let was_chosen = record.pins.place.is_some() && leaving.is_none();
    record.moving = leaving.clone().or(record.moving);
    let before = match &request.room {
        Some((place, choice, _)) => {
            (record.pins.place, record.pins.choice) = (Some(place.clone()), Some(choice.clone()));
            None
        }
        None if leaving.is_some() => {
            (record.pins.place, record.pins.choice) = (None, None);
            None
        }
        // Nothing of it is in a zone yet, and which one it will be is about to be asked.
        None if capacity::is_open(spec, &observed) => record.pins.place.take(),
        None => None,
    };
    let types = request.room.as_ref().map(|(_, _, types)| types);
    let recorded = record.clone();
    let known = Known { record: &recorded, observed: &observed, refused: &request.refused, room: types };
    let written = spec;
    give_up_refused(&mut record, &request.refused);
    let open = open_types(written, known);
    let questions = questions(written, &record.pins, &observed);
    let survey = patiently(|| cloud.survey(&questions)).await?;
    let (open, unfit) = within_quotas(&open, &survey);
    let (survey, mut left) = match leaving.as_ref().filter(|_| request.room.is_none()) {
        Some(leaving) => moving::elsewhere(&open, &survey, leaving, &request.left)?,
        None => (survey, Vec::new()),
    };
    let mut complaints = settle(
        &open,
        &Asked { questions: &questions, survey: &survey, observed: &observed },
        request.options.refresh_images,
        before.as_ref(),
        &mut record.pins,
    );
    let Some(place) = record.pins.place.clone().filter(|_| complaints.is_empty()) else {
        complaints.extend(preflight::without_a_plan(spec, &survey, &observed, &identity.region));
        return Err(Failed::Refused(complaints));
    };
    if let Some(choice) = &mut record.pins.choice {
        choice.ruled_out.append(&mut left);
    }
    let spec = &taken(&open, &survey, &place.zone);
    record.pins.types = pinned(written, spec);
    let settled = Settled { id: &id, identity: &identity, place: &place, pins: &record.pins };
    let alternatives = told(written, &open, spec, known, &unfit, &survey, &place.zone);
    let desired = Desired { alternatives, ..desired::build(spec, &settled) };
    let input = Input {
        purpose: request.purpose,
        desired: &desired,
        observed: &observed,
        record: &record,
        options: request.options,
        replace: &request.replace,
    };
    let mut plan = plan::plan(&input, prices);
    plan.basis = Some(Basis::of(&Sources {
        spec: written,
        account: &identity.account,
        is_deployed: stored.is_some() || record.deployment != request.new_deployment,
        replace_storage: request.options.replace_storage,
        record: &record,
        desired: &desired,
        observed: &observed,
    }));
    plan.findings.extend(sizing.iter().flat_map(Sizing::findings));
    plan.sizing = sizing;
    plan.findings.extend(unusable);
    plan.blocks = blocks(spec, &survey, &plan);
    plan.findings.extend(findings(spec, &survey, &observed, &desired, &place, &plan));
    plan.findings.extend(images(spec, &survey, &record.pins));
    plan.findings.extend(capacity::findings(&open, &observed, &desired, &record, &plan, prices));
    plan.findings.extend(moving::finding(request, spec, &observed, (&record, &plan), (&place, given_up.as_ref())));
    plan.findings.extend(record.pins.choice.as_ref().filter(|_| !was_chosen).map(|choice| chosen(&place, choice)));
    plan.place = Some(Lives { place, choice: record.pins.choice.clone(), is_new: !was_chosen });
    let (is_new, offerings, open) = (stored.is_none(), survey.offerings, Some(open));
    Ok(Prepared { identity, parameters, record, is_new, unmoved, scope, observed, desired, plan, open, offerings })
}

/// A launch that was refused has an end: the next one, of another type, is another try.
fn give_up_refused(record: &mut Record, refused: &BTreeSet<(String, String)>) {
    for (group, instance) in refused {
        if record.pins.types.get(group) != Some(instance) {
            continue;
        }
        if let Some(last) = record.tries.get_mut(&Address::named(Kind::Nodes, group)).filter(|last| !last.done) {
            (last.done, last.count) = (true, 0);
        }
    }
}

/// What speaks against a plan in what the caller may do.
pub async fn rights<C: Cloud>(cloud: &C, rights: Rights) -> Result<Vec<Finding>, CloudError> {
    let questions = Questions { rights: Some(rights), ..Questions::default() };
    let survey = patiently(|| cloud.survey(&questions)).await?;
    Ok(preflight::rights(&survey))
}

/// What the spec alone tells, without a look at anything: pure. What cannot be known so is said.
pub fn offline(spec: &Spec, region: Option<&str>, options: Options, prices: &Prices) -> Plan {
    let identity = Identity {
        account: String::new(),
        arn: String::new(),
        region: region.unwrap_or("unknown").to_owned(),
        partition: "aws".to_owned(),
    };
    // What would be chosen with nothing settled. That nothing can be was said when the spec was read.
    let mut pins = Pins::default();
    let (spec, sizing) = match sized(spec, &identity.region, &mut pins, &Observed::default(), prices) {
        Ok((spec, sizing)) => (spec, sizing),
        Err(_) => (spec.clone(), None),
    };
    let spec = &spec;
    let desired = desired::build_offline(spec, &identity);
    let input = Input {
        purpose: Purpose::Up,
        desired: &desired,
        observed: &Observed::default(),
        record: &Record::new(&spec.cluster.name, ""),
        options,
        replace: &[],
    };
    let mut plan = plan::plan(&input, prices).not_compared();
    plan.findings.extend(sizing.iter().flat_map(Sizing::findings));
    plan.sizing = sizing;
    plan.findings.push(not_compared(spec, region));
    plan.findings.extend(boot_scripts(&desired, &plan));
    plan.findings.extend(no_public_address(spec, &plan));
    plan
}

/// The spec with its storage sized, where it leaves that to its workload, and why it has that size.
fn sized(
    spec: &Spec,
    region: &str,
    pins: &mut Pins,
    observed: &Observed,
    prices: &Prices,
) -> Result<(Spec, Option<Sizing>), Failed> {
    let seen = observed.file_system().map(|seen| &seen.fields);
    let chosen = desired::choose_storage(spec, region, pins, seen, prices)
        .map_err(|complaint| Failed::Refused(vec![complaint]))?;
    let Some(chosen) = chosen else { return Ok((spec.clone(), None)) };
    let spec = Spec { storage: chosen.now.storage.clone(), ..spec.clone() };
    Ok((spec, Some(chosen.into())))
}

/// Looks until everything that was made a moment ago is seen, or the moment has passed.
async fn look<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    request: &Request,
    identity: &Identity,
    stored: Option<Record>,
) -> Result<(Record, Observed, Scope), Failed> {
    let mut scope = Scope {
        cluster: request.cluster.clone(),
        deployment: stored.as_ref().map(|record| record.deployment.clone()),
        names: names(request, identity),
        file_system: None,
        existing: existing(request, stored.as_ref()),
    };
    while request.patient && stored.as_ref().is_some_and(|record| record.may_show_what_was(clock.now())) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let services = services(request, stored.as_ref());
    let is_guess = request.spec.is_none() && stored.is_none();
    loop {
        // An answer may be slow: what it says is as old as its question.
        let asked = clock.now();
        let mut observed = observe(cloud, &scope, &services, is_guess).await?;
        observed.merge(reservations(cloud, request, &scope, stored.as_ref()).await?);
        let record = match &stored {
            Some(record) => record.clone(),
            None => recovered(request, &observed)?,
        };
        let hidden = record.not_yet_visible(&observed, asked, |address| goes(request, address));
        if hidden.is_empty() || !request.patient {
            scope.deployment = Some(record.deployment.clone());
            scope.existing = scope.existing.or_else(|| observed.existing.as_ref().map(|existing| existing.id.clone()));
            return Ok((record, observed, scope));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The file system of somebody else's that the cluster uses: as recorded, for the spec may have changed since; else as the
/// spec says.
fn existing(request: &Request, stored: Option<&Record>) -> Option<String> {
    let recorded = stored.filter(|record| record.pins.place.is_some()).map(|record| record.pins.existing.clone());
    recorded.unwrap_or_else(|| request.spec.as_ref().and_then(|spec| spec.storage.existing.clone()))
}

/// Which services may have storage of the cluster: that of the spec, and whatever the record knows of. Without either, each.
/// FSx is always among them: nobody's policy or patience has to grow for a service that he does not use.
fn services(request: &Request, stored: Option<&Record>) -> Vec<Kind> {
    let wanted = request.spec.as_ref().map(|spec| desired::storage_kind(spec.storage.service));
    let known = |kind: Kind| stored.is_some_and(|record| record.tries.keys().any(|address| address.kind == kind));
    let nobody_knows = wanted.is_none() && stored.is_none();
    let looks = |kind: &Kind| *kind == Kind::Fsx || wanted == Some(*kind) || known(*kind) || nobody_knows;
    Kind::STORAGE.into_iter().filter(looks).collect()
}

/// All kinds at once, each with a patience of its own: where many requests are throttled, hardly ever would all of them
/// come through together. Links and tasks are found by way of their file system.
async fn observe<C: Cloud>(
    cloud: &C,
    scope: &Scope,
    services: &[Kind],
    is_guess: bool,
) -> Result<Observed, CloudError> {
    let look = |kinds: &'static [Kind]| Box::pin(patiently(move || cloud.observe(scope, kinds)));
    let lustre: &[Kind] = if services.contains(&Kind::FileCache) {
        &[Kind::Fsx, Kind::FileCache, Kind::Link, Kind::Task]
    } else {
        &[Kind::Fsx, Kind::Link, Kind::Task]
    };
    let efs: &[Kind] = if services.contains(&Kind::Efs) { &[Kind::Efs, Kind::MountTarget] } else { &[] };
    let lustre = async {
        match look(lustre).await {
            Err(error) if is_guess && is_not_told(&error) => look(&[Kind::Fsx, Kind::Link, Kind::Task]).await,
            other => other,
        }
    };
    let efs = async {
        match look(efs).await {
            // Who may not even look there has made nothing there; and where there is no such service there is nothing.
            Err(error) if is_guess && is_not_told(&error) => Ok(Observed::default()),
            other => other,
        }
    };
    let (groups, roles, profiles, placements, storage, efs, templates, nodes) = tokio::try_join!(
        look(&[Kind::SecurityGroup]),
        look(&[Kind::Role]),
        look(&[Kind::InstanceProfile]),
        look(&[Kind::Placement]),
        lustre,
        efs,
        look(&[Kind::Template]),
        look(&[Kind::Nodes]),
    )?;
    let mut all = Observed::default();
    for part in [groups, roles, profiles, placements, storage, efs, templates, nodes] {
        all.merge(part);
    }
    Ok(all)
}

/// Nobody may look there, or there is no such service.
fn is_not_told(error: &CloudError) -> bool {
    matches!(error.class, Class::Denied | Class::NotImplemented)
}

/// What a run that died may have left reserved. Looked at only where there may be any: where a record says so, or where none
/// is there that could.
async fn reservations<C: Cloud>(
    cloud: &C,
    request: &Request,
    scope: &Scope,
    stored: Option<&Record>,
) -> Result<Observed, CloudError> {
    let may_be = match (stored, &request.spec) {
        (Some(record), _) => record.may_hold_capacity(),
        (None, Some(spec)) => capacity::is_asked_for(spec),
        (None, None) => true,
    };
    if !may_be {
        return Ok(Observed::default());
    }
    match patiently(|| cloud.observe(scope, &[Kind::Reservation])).await {
        // Who cannot be asked has made none. Who may not look has made none, unless it is written down.
        Err(error) if error.class == Class::NotImplemented => Ok(Observed::default()),
        Err(error) if error.class == Class::Denied && stored.is_none() => Ok(Observed::default()),
        other => other,
    }
}

/// Whether what is at an address is not wanted any more.
fn goes(request: &Request, address: &Address) -> bool {
    let Some(spec) = request.spec.as_ref().filter(|_| request.purpose == Purpose::Up) else {
        return true;
    };
    match address.kind {
        Kind::Nodes | Kind::Template => !spec.nodes.iter().any(|group| group.name == address.name),
        Kind::Placement => {
            let wanted = |group: &Nodes| group.name == address.name && group.may_be_placed();
            !spec.nodes.iter().any(wanted)
        }
        Kind::Link => !spec.datasets.iter().any(|dataset| desired::link(dataset).0 == *address),
        Kind::Reservation => true,
        // Whether it is there decides whether the zone is open: no look may miss it.
        Kind::Fsx | Kind::Efs | Kind::FileCache => {
            capacity::is_asked_for(spec) || address.kind != desired::storage_kind(spec.storage.service)
        }
        Kind::SecurityGroup | Kind::Role | Kind::InstanceProfile | Kind::MountTarget | Kind::Task => false,
    }
}

/// The names that the cluster's resources have or would have, so that a stranger with one of them is seen.
fn names(request: &Request, identity: &Identity) -> BTreeMap<Address, String> {
    let id = ClusterId { cluster: request.cluster.clone(), region: identity.region.clone(), deployment: String::new() };
    let Some(spec) = &request.spec else {
        return [Kind::SecurityGroup, Kind::Role, Kind::InstanceProfile]
            .into_iter()
            .filter_map(|kind| Some((Address::one(kind), id.name(&Address::one(kind))?)))
            .collect();
    };
    let place = Place { subnet: String::new(), vpc: String::new(), zone: String::new() };
    let settled = Settled { id: &id, identity, place: &place, pins: &Pins::default() };
    let mut names = desired::build(spec, &settled).names();
    // Of several types the first may need none of these, and the one that is taken will.
    for group in spec.nodes.iter().filter(|group| group.may_be_placed()) {
        let address = Address::named(Kind::Placement, &group.name);
        names.extend(id.name(&address).map(|name| (address, name)));
    }
    // Also what an earlier spec had made and this one names as existing.
    for kind in [Kind::SecurityGroup, Kind::Role, Kind::InstanceProfile] {
        let address = Address::one(kind);
        if let Some(name) = id.name(&address) {
            names.entry(address).or_insert(name);
        }
    }
    names
}

/// Whether two plans do the same to the same resources.
pub fn is_same(one: &Plan, other: &Plan) -> bool {
    let verbs = |plan: &Plan| -> BTreeSet<(Address, plan::Verb)> {
        plan.actions.iter().map(|action| (action.address.clone(), action.verb)).collect()
    };
    verbs(one) == verbs(other)
}
