//! Lives a story and looks whether the promises hold.

use std::collections::BTreeMap;
use std::time::Duration;

use provision::apply::event::{Ending, Failure};
use provision::apply::prepare::Failed as Unprepared;
use provision::apply::{Outcome, Report};
use provision::cloud::Class;
use provision::desired::{Kind, Resource, Rule, TAG_ADDRESS, TAG_CLUSTER, TAG_DEPLOYMENT, Tags};
use provision::diagnostic::Severity;
use provision::observed::{Observed, Report as NodeReport, State};
use provision::plan::{Options, Plan, Purpose};
use provision::simulated::{Boot, ExportOutcome, Fault, Simulated, When, Which, check, check_clean};
use provision::spec::{Capacity, Placement, Spec};
use tokio::time::{sleep, timeout};

use super::Failed;
use super::story::{Act, Command, End, Hand, Host, Keeps, Scarce, Sky, Story};
use super::wish::Wish;
use crate::lifecycle::existing;
use crate::lifecycle::harness::{self, CLUSTER, Machine, Processes};

/// No run may take longer, whatever befalls it: an outage is sat out for a quarter of an hour at a time.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
const P5: &str = "p5.48xlarge";
/// How often nodes write a few files.
const WRITES: Duration = Duration::from_secs(7);

type Result<T> = std::result::Result<T, String>;

pub(super) async fn play(story: &Story) -> std::result::Result<(), Failed> {
    let world = story.world();
    let mut life = Life::new(story, &world);
    let writer = tokio::spawn(nodes_write(world.clone(), life.theirs.clone()));
    let lived = life.live().await;
    writer.abort();
    lived.map_err(|why| Failed { why, history: world.history() })
}

/// All that happened, whether it went well or not.
pub(super) async fn history(story: &Story) -> String {
    let world = story.world();
    let mut life = Life::new(story, &world);
    let writer = tokio::spawn(nodes_write(world.clone(), life.theirs.clone()));
    let lived = life.live().await;
    writer.abort();
    format!("{}{lived:?}", world.history())
}

struct Life<'a> {
    story: &'a Story,
    world: Simulated,
    processes: Processes,
    /// Every process is a client of its own.
    started: usize,
    /// The user has given data up in words.
    given_up: bool,
    theirs: Option<Theirs>,
}

/// A file system of somebody else's and a link of theirs on it.
#[derive(Debug, Clone)]
struct Theirs {
    id: String,
    link: String,
}

/// Files of theirs, below their link and outside.
const THEIR_FILES: [(&str, u64); 2] = [("/lab", 7), ("/home", 5)];

/// What became of a run's process.
#[derive(Debug)]
enum Fate {
    Died,
    Ended(std::result::Result<Outcome, Unprepared>),
}

impl<'a> Life<'a> {
    fn new(story: &'a Story, world: &Simulated) -> Self {
        let theirs = story.existing.then(|| {
            let file_system = Resource::Fsx(existing::file_system());
            let id = world.plant(file_system, Tags::new());
            let link = world.plant_link(&id, existing::link("/lab", "lab"), Tags::new());
            for (path, files) in THEIR_FILES {
                world.write_onto(&id, path, files);
            }
            Theirs { id, link }
        });
        let processes = Processes::default();
        Self { story, world: world.clone(), processes, started: 0, given_up: false, theirs }
    }

    fn spec(&self, wish: &Wish) -> Spec {
        let mut spec = wish.spec(self.story.storage);
        if self.story.asks {
            // With half of the seeds it is held.
            let held = self.story.seed.is_multiple_of(2);
            for group in &mut spec.nodes {
                group.capacity = if held { Capacity::Reserve } else { Capacity::Probe };
                group.placement = if held { Placement::None } else { group.placement };
            }
        }
        if let Some(scarce) = self.story.scarce {
            spec.nodes.iter_mut().for_each(|group| group.min_count = Some(scarce.least(group.count)));
        }
        if let Some(Theirs { id, .. }) = &self.theirs {
            spec.storage.existing = Some(id.clone());
        }
        spec
    }

    /// Not ours, and as it was.
    fn theirs_is_as_it_was(&self) -> Result<()> {
        let Some(Theirs { id, link }) = &self.theirs else { return Ok(()) };
        let there = self.world.exists(Kind::Fsx, id) && self.world.exists(Kind::Link, link);
        ensure(there, || "clean: the existing file system or a link of theirs is gone".to_owned())?;
        let files = self.world.files(id);
        let kept = THEIR_FILES.iter().all(|(path, count)| files.get(*path).is_some_and(|now| now.dirty == *count));
        ensure(kept, || format!("clean: their files are {files:?}"))
    }

    async fn live(&mut self) -> Result<()> {
        let neighbours = if self.story.neighbours { Some(self.neighbours().await?) } else { None };
        if let Some(Scarce { room, .. }) = self.story.scarce {
            for zone in ["us-east-1a", "us-east-1b", "us-east-1c"] {
                let taken = neighbours.iter().flat_map(|theirs| &theirs.nodes).filter(|node| node.zone == zone).count();
                let room = room + u32::try_from(taken).unwrap_or(u32::MAX);
                self.world.adjust(|settings| {
                    settings.capacity.insert((P5.to_owned(), zone.to_owned()), room);
                });
            }
        }
        self.world.watch();
        for (nth, act) in self.story.acts.iter().enumerate() {
            self.act(act).await.map_err(|why| format!("{why} (act {nth})"))?;
        }
        self.end().await?;
        self.theirs_is_as_it_was()?;
        if let Some(neighbours) = neighbours {
            let now = self.world.truth("video-2");
            ensure(now == neighbours, || "clean: the neighbour is not as it was".to_owned())?;
        }
        Ok(())
    }

    /// A whole cluster whose name begins like ours.
    async fn neighbours(&mut self) -> Result<Observed> {
        let theirs = harness::machine(&self.world, "theirs");
        let mut spec = harness::spec(&[2], &["/train"]);
        spec.cluster.name = "video-2".into();
        let request = theirs.request_for("video-2", Purpose::Up, Some(&spec), Options::default());
        let outcome = theirs.run_request(request).await;
        ensure(matches!(&outcome, Ok(Outcome::Ran { report, .. }) if report.ending == Ending::Complete), || {
            format!("the neighbour: {outcome:?}")
        })?;
        self.world.disown("video-2");
        sleep(Duration::from_secs(60)).await;
        Ok(self.world.truth("video-2"))
    }

    fn process(&mut self, host: Host, weather: Sky) -> Machine {
        self.started += 1;
        let host = match host {
            Host::Laptop => "laptop",
            Host::Desk => "desk",
        };
        let machine = harness::machine_among(&self.world, &format!("{host} {}", self.started), &self.processes);
        machine.cloud.weather(weather.weather());
        machine
    }

    async fn act(&mut self, act: &Act) -> Result<()> {
        sleep(Duration::from_secs(act.rest_s)).await;
        for hand in &act.before {
            self.lend(*hand);
        }
        if !act.before.is_empty() {
            // What is not our doing we cannot know of before it is seen.
            sleep(Duration::from_secs(self.story.lag_s)).await;
        }
        let first = self.process(act.host, act.weather);
        let second = act.beside.as_ref().map(|beside| self.process(beside.host, act.weather));
        let naps = async {
            let Some(nap) = act.sleep else { return };
            sleep(Duration::from_millis(nap.at_ms)).await;
            first.cloud.suspend(Duration::from_secs(nap.for_s));
        };
        let runs = async { tokio::join!(self.run(&first, &act.command, act.end), naps).0 };
        let (one, other) = tokio::join!(runs, async {
            let (beside, machine) = (act.beside.as_ref()?, second.as_ref()?);
            sleep(Duration::from_millis(beside.after_ms)).await;
            Some(self.run(machine, &beside.command, beside.end).await)
        });
        let one = one?;
        let other = other.transpose()?;
        self.holds()?;
        self.judge(act, &one, other.as_ref())?;
        // What was ordered to fail may not have come up.
        self.world.adjust(|settings| {
            settings.export = ExportOutcome::Succeeds;
            settings.nodes.clear();
        });
        self.world.fail_no_more();
        Ok(())
    }

    /// The command as a process: until it ends, or dies.
    async fn run(&self, machine: &Machine, command: &Command, end: End) -> Result<Fate> {
        match end {
            End::CrashBefore(number) => machine.cloud.fault_at(number, Fault::Crash(When::Before)),
            End::CrashAfter(number) => machine.cloud.fault_at(number, Fault::Crash(When::After)),
            End::ByItself | End::Killed { .. } | End::Asked { .. } | End::Expired { .. } => {}
        }
        let befalls = async {
            match end {
                End::Killed { at_ms } => {
                    sleep(Duration::from_millis(at_ms)).await;
                    machine.cloud.kill();
                }
                End::Asked { at_ms } => {
                    sleep(Duration::from_millis(at_ms)).await;
                    machine.stop.cancel();
                }
                End::Expired { at_ms } => {
                    sleep(Duration::from_millis(at_ms)).await;
                    machine.cloud.expire_credentials();
                }
                End::ByItself | End::CrashBefore(_) | End::CrashAfter(_) => {}
            }
            std::future::pending::<()>().await;
        };
        let runs = async {
            match command {
                Command::Up(wish) => machine.up(&self.spec(wish)).await,
                Command::Replace(wish) => replace(machine, &self.spec(wish)).await,
                Command::Down => machine.down().await,
                Command::KeepStorage => {
                    let options = Options { keep_storage: true, ..Options::default() };
                    machine.run(Purpose::Down, None, options).await
                }
            }
        };
        let ends = async {
            tokio::select! {
                biased;
                () = machine.cloud.crashed() => Fate::Died,
                outcome = runs => Fate::Ended(outcome),
                () = befalls => Fate::Died,
            }
        };
        timeout(LONGEST, ends).await.map_err(|_| format!("hangs: {command:?} does not end"))
    }

    /// The promises at every step so far.
    fn holds(&self) -> Result<()> {
        let mut broken = self.world.broken();
        broken.extend(check(&self.world));
        if let Some(first) = broken.first() {
            return Err(first.to_string());
        }
        let ledger = self.world.ledger();
        ensure(self.given_up || ledger.lost_unlinked == 0, || {
            format!("data-safe: {} files outside of links are lost", ledger.lost_unlinked)
        })
    }

    /// Whether a run ended as it may.
    fn judge(&self, act: &Act, one: &Fate, other: Option<&Fate>) -> Result<()> {
        let disturbed =
            other.is_some() || !act.before.is_empty() || act.end != End::ByItself || act.weather == Sky::Stormy;
        for fate in std::iter::once(one).chain(other) {
            let Fate::Ended(outcome) = fate else { continue };
            match outcome {
                Err(Unprepared::Cloud(error)) => {
                    ensure(error.class.passes() || error.class == Class::Credentials, || format!("ended: {error}"))?;
                }
                Err(Unprepared::Unsecured(failure)) => {
                    let may_be = match failure {
                        Failure::Cloud { error } => error.class.passes() || error.class == Class::Credentials,
                        Failure::LostLock => true,
                        _ => false,
                    };
                    ensure(may_be, || format!("ended: {failure}"))?;
                }
                Err(other) => return Err(format!("ended: {other}")),
                Ok(Outcome::Ran { refused: Some(plan), .. }) => may_be_refused(plan)?,
                Ok(Outcome::Ran { report, .. }) => may_end(report, self.story.scarce.is_some())?,
                Ok(Outcome::Refused(prepared)) => may_be_refused(&prepared.plan)?,
                Ok(Outcome::Nothing(_) | Outcome::Held(_)) => {}
                Ok(Outcome::NoRoom { .. }) if self.story.scarce.is_some() => {}
                Ok(Outcome::NoRoom { room, .. }) => return Err(format!("ended: there is room: {room:?}")),
                Ok(Outcome::NotBegun { refused, .. }) => return Err(format!("ended: there is no block: {refused:?}")),
                Ok(Outcome::Differs { findings, .. }) => {
                    return Err(format!("ended: no plan was reviewed: {findings:?}"));
                }
                // Asked to stop before there was anything to agree to.
                Ok(Outcome::Declined) => {
                    let asked = |end: End| matches!(end, End::Asked { .. });
                    let asked = asked(act.end) || act.beside.as_ref().is_some_and(|beside| asked(beside.end));
                    ensure(asked, || "ended: nobody declined".to_owned())?;
                }
            }
        }
        // Undisturbed, a run does what it is for: throttling and faults that pass slow it down and never end it.
        if let (false, Fate::Ended(outcome)) = (disturbed, one) {
            match (outcome, &act.command) {
                (Ok(Outcome::Nothing(_)), _) => {}
                (Ok(Outcome::Ran { report, .. }), _) if report.ending == Ending::Complete => {}
                // With one of the codes above: there is nothing else that it may do.
                (Ok(Outcome::Refused(_)), _) => return Ok(()),
                (Ok(Outcome::NoRoom { .. }), _) if self.story.scarce.is_some() => return Ok(()),
                (Ok(Outcome::Ran { report, .. }), _) if self.has_no_room(report) => return Ok(()),
                (outcome, command) => return Err(format!("undisturbed: {command:?} ended with {outcome:?}")),
            }
            if let Command::Up(wish) | Command::Replace(wish) = &act.command {
                self.is_as(wish)?;
            }
        }
        Ok(())
    }

    /// Where there is little room, a group may come by fewer nodes than it can do with.
    fn has_no_room(&self, report: &Report) -> bool {
        let no_room = |failure: &Failure| matches!(failure, Failure::Cloud { error } if error.class == Class::Capacity);
        self.story.scarce.is_some()
            && !report.failures.is_empty()
            && report.failures.iter().all(|(_, failure)| no_room(failure))
    }

    /// What is there is what the spec says, no more and no less.
    fn is_as(&self, wish: &Wish) -> Result<()> {
        let truth = self.world.truth(CLUSTER);
        let mut nodes: BTreeMap<String, u32> = BTreeMap::new();
        for node in truth.nodes.iter().filter(|node| node.exists()) {
            *nodes.entry(node.address.name.clone()).or_default() += 1;
        }
        let wanted: BTreeMap<String, u32> = wish.groups.iter().map(|group| (group.name.clone(), group.count)).collect();
        let is_enough = match self.story.scarce {
            None => nodes == wanted,
            Some(scarce) => {
                let within = |(name, count): (&String, &u32)| {
                    let there = nodes.get(name).copied().unwrap_or_default();
                    (scarce.least(*count)..=*count).contains(&there)
                };
                wanted.iter().all(within) && nodes.keys().all(|name| wanted.contains_key(name))
            }
        };
        ensure(is_enough, || format!("convergent: {nodes:?} nodes instead of {wanted:?}"))?;
        let of = |kind: Kind| {
            truth.resources.iter().filter(|seen| seen.address.kind == kind && seen.state == State::Ready).count()
        };
        let storage = self.story.storage;
        let there = (of(storage.kind()), of(Kind::Link), of(Kind::Template));
        let links = if storage == Keeps::Efs { 0 } else { wish.datasets.len() };
        let wanted = (usize::from(self.theirs.is_none()), links, wish.groups.len());
        ensure(there == wanted, || {
            format!("convergent: {there:?} file systems, links, templates instead of {wanted:?}")
        })
    }

    async fn end(&mut self) -> Result<()> {
        sleep(Duration::from_secs(1)).await;
        let host = if self.story.elsewhere { Host::Desk } else { Host::Laptop };
        if let Some(wish) = &self.story.last_up {
            self.last_up(wish, host).await?;
        }
        let stranger = self.stranger();
        let machine = self.process(host, Sky::Fair);
        let mut outcome = timeout(LONGEST, machine.down()).await.map_err(|_| "hangs: the last down".to_owned())?;
        if has_finding(&outcome, &["plan::no-link", "plan::cannot-export"]) {
            // As it should: nothing can be exported any more. The user says the words.
            self.given_up = true;
            self.world.allow_discard();
            let options = Options { discard_unexported_data: true, ..Options::default() };
            let machine = self.process(host, Sky::Fair);
            outcome = timeout(LONGEST, machine.run(Purpose::Down, None, options))
                .await
                .map_err(|_| "hangs: the last down".to_owned())?;
        }
        complete(&outcome, "the last down")?;
        self.holds()?;
        let left = check_clean(&self.world);
        ensure(left.is_empty(), || left[0].to_string())?;
        ensure(stranger.is_none_or(|id| self.world.exists(Kind::Placement, &id)), || {
            "clean: the stranger is gone".to_owned()
        })
    }

    async fn up_again(&mut self, wish: &Wish, host: Host) -> Result<std::result::Result<Outcome, Unprepared>> {
        let machine = self.process(host, Sky::Fair);
        timeout(LONGEST, replace(&machine, &self.spec(wish))).await.map_err(|_| "hangs: the last up".to_owned())
    }

    async fn last_up(&mut self, wish: &Wish, host: Host) -> Result<()> {
        // There is room at last: what is missing has to come.
        self.world.adjust(|settings| settings.capacity.clear());
        let mut outcome = self.up_again(wish, host).await?;
        if let Ok(Outcome::Ran { report, .. }) = &outcome
            && report
                .failures
                .iter()
                .any(|(_, failure)| matches!(failure, Failure::Nodes { .. } | Failure::Broken { .. }))
        {
            // What an earlier run has made failed only now; this run has said so, and the next one replaces it.
            outcome = self.up_again(wish, host).await?;
        }
        if has_finding(&outcome, &["plan::missing-link", "plan::cannot-export"]) {
            // As it should: the old file system's files come first, and `down` sees to them.
            return Ok(());
        }
        complete(&outcome, "the last up")?;
        self.holds()?;
        self.is_as(wish)?;
        let truth = self.world.truth(CLUSTER);
        let (there, wanted) = (truth.nodes.iter().filter(|node| node.exists()).count(), wish.groups.iter());
        ensure(there == wanted.map(|group| group.count as usize).sum::<usize>(), || {
            format!("convergent: {there} nodes although there is room")
        })?;
        // A plan made at once may still see what was before.
        sleep(Duration::from_secs(self.story.lag_s)).await;
        let again = self.process(host, Sky::Fair).plan(Purpose::Up, Some(&self.spec(wish))).await;
        ensure(again.plan.is_done(), || format!("convergent: left to do after up: {:?}", again.plan.steps))
    }

    /// With our cluster's tags, and yet of another deployment.
    fn stranger(&self) -> Option<String> {
        let record = self.world.parameters_now(&provision::record::record_name(CLUSTER));
        let tags = [(TAG_CLUSTER, CLUSTER), (TAG_DEPLOYMENT, "d-other"), (TAG_ADDRESS, "placement.g9")];
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let group = provision::desired::PlacementGroup { name: "of-another-deployment".into() };
        (self.story.neighbours && !record.is_empty()).then(|| self.world.plant(Resource::Placement(group), tags))
    }

    fn lend(&self, hand: Hand) {
        let truth = self.world.truth(CLUSTER);
        let node = truth.nodes.iter().find(|node| node.exists()).map(|node| node.id.clone());
        let of = |kind: Kind| truth.resources.iter().filter(move |seen| seen.address.kind == kind);
        let storage = self.story.storage;
        match hand {
            Hand::Writes if truth.nodes.iter().any(is_in_use) => {
                for link in of(Kind::Link).filter(|link| !matches!(link.state, State::Deleting | State::Failed)) {
                    write(&self.world, self.theirs.as_ref(), &link.fields["path"], 3);
                }
            }
            Hand::TerminatesNode => node.iter().for_each(|id| self.world.delete_by_hand(Kind::Nodes, id)),
            Hand::StopsNode => node.iter().for_each(|id| self.world.stop_by_hand(id)),
            // A cache's links come and go with it.
            Hand::DeletesLink | Hand::NextLinkFails if storage != Keeps::Fsx => {}
            Hand::DeletesLink => {
                let files = truth.storage().map(|id| self.world.files(id)).unwrap_or_default();
                let saved = |path: &str| files.get(path).is_none_or(|counts| counts.dirty == 0);
                let link = of(Kind::Link).find(|link| saved(&link.fields["path"]));
                if let Some(link) = link {
                    self.world.delete_by_hand(Kind::Link, &link.id);
                }
            }
            Hand::RetagsStorage => of(storage.kind()).for_each(|seen| {
                self.world
                    .tag_by_hand(storage.kind(), &seen.id, |tags| drop(tags.insert("team".into(), "audio".into())));
            }),
            Hand::ClosesSecurityGroup => of(Kind::SecurityGroup).for_each(|seen| {
                self.world.change_by_hand(Kind::SecurityGroup, &seen.id, |resource| {
                    if let Resource::SecurityGroup(group) = resource {
                        group.rules.retain(|rule| *rule == Rule::AllOut);
                    }
                });
            }),
            Hand::DeletesTemplate => {
                of(Kind::Template).take(1).for_each(|seen| self.world.delete_by_hand(Kind::Template, &seen.id));
            }
            Hand::NextStorageFails => self.world.fail_next(storage.kind(), "no reason"),
            Hand::NextLinkFails => self.world.fail_next(Kind::Link, "no access"),
            Hand::NextNodeFails => self.world.adjust(|settings| {
                settings.nodes.push((Which::Group("g0".into()), Boot::Failed("mount: timed out".into())));
            }),
            Hand::ExportsFail => self.world.adjust(|settings| settings.export = ExportOutcome::FailsFiles(1)),
            Hand::Writes => {}
        }
    }
}

/// With leave to make the file system anew if the spec asks for what cannot be changed.
async fn replace(machine: &Machine, spec: &Spec) -> std::result::Result<Outcome, Unprepared> {
    let options = Options { replace_storage: true, ..Options::default() };
    machine.run(Purpose::Up, Some(spec), options).await
}

/// Nodes write below the one dataset that every spec has, as long as one of them is up.
async fn nodes_write(world: Simulated, theirs: Option<Theirs>) {
    loop {
        sleep(WRITES).await;
        if world.truth(CLUSTER).nodes.iter().any(is_in_use) {
            write(&world, theirs.as_ref(), "/keep", 2);
        }
    }
}

fn write(world: &Simulated, theirs: Option<&Theirs>, path: &str, files: u64) {
    match theirs {
        Some(Theirs { id, .. }) => world.write_onto(id, path, files),
        None => drop(world.write_files(path, files)),
    }
}

fn is_in_use(node: &provision::observed::Node) -> bool {
    node.exists() && matches!(node.report, Some(NodeReport::Ready | NodeReport::Degraded(_)))
}

/// A run that looks again until it converges does not end because what it knew was old.
fn may_end(report: &Report, is_scarce: bool) -> Result<()> {
    let stale = |failure: &Failure| matches!(failure, Failure::Stale { .. });
    // Beside a failure that lasts, or when it was asked to stop, it does not look again.
    let lasts = report.ending != Ending::Failed || report.failures.iter().any(|(_, failure)| !stale(failure));
    for (address, failure) in report.failures.iter().filter(|(_, failure)| !(lasts && stale(failure))) {
        let known = match failure {
            Failure::Cloud { error } if error.class == Class::Capacity => is_scarce,
            Failure::Cloud { error } => error.class.passes() || error.class == Class::Credentials,
            Failure::Broken { .. } | Failure::Nodes { .. } | Failure::Unexported { .. } => true,
            Failure::Stale { .. }
            | Failure::TimedOut { .. }
            | Failure::InUse { .. }
            | Failure::Boot { .. }
            | Failure::Interrupted
            | Failure::LostLock => false,
        };
        ensure(known, || format!("ended: {address}: {failure}"))?;
    }
    Ok(())
}

fn may_be_refused(plan: &Plan) -> Result<()> {
    let errors = plan.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let codes: Vec<_> = errors.map(|finding| finding.code).collect();
    let known = ["plan::replace-storage", "plan::cannot-export", "plan::no-link", "plan::missing-link"];
    ensure(codes.iter().all(|code| known.contains(code)), || format!("refused: {codes:?}"))
}

fn has_finding(outcome: &std::result::Result<Outcome, Unprepared>, codes: &[&str]) -> bool {
    matches!(outcome, Ok(Outcome::Refused(prepared)) if prepared.plan.findings.iter().any(|finding| codes.contains(&finding.code)))
}

fn complete(outcome: &std::result::Result<Outcome, Unprepared>, what: &str) -> Result<()> {
    match outcome {
        Ok(Outcome::Nothing(_)) => Ok(()),
        Ok(Outcome::Ran { report, .. }) if report.ending == Ending::Complete => Ok(()),
        Ok(Outcome::Ran { report, .. }) => Err(format!("convergent: {what} does not complete: {report:?}")),
        Ok(Outcome::Refused(prepared)) => Err(format!("convergent: {what} is refused: {:?}", prepared.plan.findings)),
        other => Err(format!("convergent: {what}: {other:?}")),
    }
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(why()) }
}
