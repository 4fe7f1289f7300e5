//! Owns a run: which step may start, what has ended, what the user asked for, and whether the lock is still ours.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::capacity::{self, Hold, Holds};
use super::context::{Context, known_from, round};
use super::event::{Ending, Event, Failure, What};
use super::executor::{is_awaited, perform};
use super::fill::{Fill, PartlyFilled};
use super::keeper::Keeper;
use super::lease::Lease;
use super::patience::patiently;
use super::store::{Intent, Store};
use super::watch::Watch;
use crate::cloud::{Clock, Cloud, Scope};
use crate::desired::{Address, Desired, Kind, Point};
use crate::observed::Observed;
use crate::plan::{Action, Op, Plan, Purpose, Step, Verb};
use crate::record::{self, Record};

/// All that a run needs.
pub struct Run<C, K> {
    pub cloud: C,
    pub clock: K,
    pub plan: Plan,
    pub desired: Desired,
    pub observed: Observed,
    pub record: Record,
    pub scope: Scope,
    pub lease: Lease,
    /// What it has to launch nodes into, or to give back.
    pub holds: Vec<Hold>,
    pub events: UnboundedSender<Event>,
    /// The user asked to stop.
    pub stop: CancellationToken,
}

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    pub ending: Ending,
    pub done: usize,
    /// Steps that did not end: they never began, or were begun when the run was stopped.
    pub left: Vec<(Address, Op)>,
    /// What was answered before the run was stopped: it exists.
    pub answered: Vec<Address>,
    pub failures: Vec<(Address, Failure)>,
    /// Groups that run with fewer nodes than they may have.
    pub partly_filled: Vec<PartlyFilled>,
    /// Why the record of a cluster that is gone could not be removed.
    pub unforgotten: Option<Failure>,
    /// Nothing but room for the nodes was wanting, and with `--move-if-empty` other zones would have been asked.
    pub may_move: bool,
}

impl Report {
    /// What it was planned from has changed meanwhile: another look may bring it further.
    pub fn is_stale(&self) -> bool {
        !self.failures.is_empty() && self.failures.iter().all(|(_, failure)| is_stale(failure))
    }
}

fn is_stale(failure: &Failure) -> bool {
    use crate::cloud::Class;
    match failure {
        Failure::Stale { .. } => true,
        Failure::Cloud { error } => matches!(error.class, Class::NotFound | Class::NotYet | Class::Conflict),
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    Answered,
    Done,
    Failed,
}

struct Dispatcher<C, K> {
    context: Arc<Context<C, K>>,
    stages: Vec<Stage>,
    tasks: JoinSet<(usize, Instant, Result<(), Failure>)>,
    answered: UnboundedSender<usize>,
    failures: Vec<(usize, Failure)>,
    ending: Option<Ending>,
    answered_for: Vec<Address>,
}

/// Applies a plan. Ends when nothing more can be done: everything is done, or what is left waits for what failed.
pub async fn run<C: Cloud, K: Clock>(run: Run<C, K>) -> Report {
    let Run { cloud, clock, plan, desired, observed, record, scope, lease, holds, events, stop } = run;
    let known = known_from(&observed);
    let mut scope = scope;
    // Of several, all have to be looked at: links may be on either.
    let several = observed.resources.iter().filter(|seen| seen.address.kind.is_storage()).count() > 1;
    scope.file_system = observed.file_system().filter(|_| !several).map(|seen| seen.id.clone());
    let keeper = Keeper::new(lease, cloud.clone(), clock.clone());
    let context = Arc::new(Context {
        watch: Watch::new(cloud.clone(), scope),
        store: Store::new(cloud.clone(), record),
        cloud,
        clock,
        plan,
        desired,
        observed,
        run: keeper.run(),
        keeper,
        known: Mutex::new(known),
        holds: Holds::new(holds),
        times: Mutex::new(HashMap::new()),
        fill: Fill::default(),
        queue: super::export::LastLook::default(),
        events,
        began: Instant::now(),
        storage_failed: AtomicBool::new(false),
        stop: stop.child_token(),
    });
    let (answered, mut answers) = unbounded_channel();
    let mut dispatcher = Dispatcher {
        stages: vec![Stage::Waiting; context.plan.steps.len()],
        context,
        tasks: JoinSet::new(),
        answered,
        failures: Vec::new(),
        ending: None,
        answered_for: Vec::new(),
    };
    if dispatcher.context.observed.was_available() {
        dispatcher.context.store.available().await;
    }
    if dispatcher.context.plan.purpose == Purpose::Up {
        let imports = |step: &&Step| step.op == Op::Preload;
        let importing = dispatcher.context.plan.steps.iter().filter(imports).map(|step| step.address.clone()).collect();
        dispatcher.context.store.importing(importing).await;
        let links = record::links(&dispatcher.context.desired);
        if dispatcher.replaces_cache() {
            dispatcher.context.store.linked_with_next_cache(links).await;
        } else {
            dispatcher.context.store.linked(links).await;
        }
    }
    dispatcher.turn(&mut answers, &stop).await;
    dispatcher.close().await
}

impl<C: Cloud, K: Clock> Dispatcher<C, K> {
    async fn turn(&mut self, answers: &mut UnboundedReceiver<usize>, stop: &CancellationToken) {
        loop {
            if stop.is_cancelled() && self.ending.is_none() {
                self.ending = Some(Ending::Interrupted);
                self.context.emit(What::Stopping);
            }
            if self.context.keeper.is_lost() && self.ending != Some(Ending::LostLock) {
                self.lose();
            }
            self.start_what_may().await;
            if self.tasks.is_empty() {
                return;
            }
            tokio::select! {
                // Answers first: an answered step may be over an instant later, and its followers should not wait.
                biased;
                Some(step) = answers.recv() => self.answer(step),
                Some(joined) = self.tasks.join_next() => match joined {
                    Ok((step, began, result)) => self.ended(step, began, result),
                    // A bug of ours must not pass for success; the caller prints the panic.
                    Err(join) => std::panic::resume_unwind(join.into_panic()),
                },
                () = self.context.keeper.lost(), if self.ending != Some(Ending::LostLock) => {}
                () = stop.cancelled(), if self.ending.is_none() => {}
            }
        }
    }

    fn answer(&mut self, step: usize) {
        if self.stages[step] == Stage::Running {
            self.stages[step] = Stage::Answered;
        }
        self.answered_for.push(self.context.plan.steps[step].address.clone());
    }

    /// Without the lock nothing more may be changed.
    fn lose(&mut self) {
        self.ending = Some(Ending::LostLock);
        self.context.stop.cancel();
    }

    fn may_start(&self, step: usize) -> bool {
        self.stages[step] == Stage::Waiting
            && self.context.plan.steps[step].after.iter().all(|after| match (self.stages[after.step], after.point) {
                (Stage::Done, _) | (Stage::Answered, Point::Answered) => true,
                (Stage::Waiting | Stage::Running | Stage::Answered | Stage::Failed, _) => false,
            })
    }

    /// `up` pays for nothing more after a failure; `down` goes on with what the failure does not touch.
    fn is_closed(&self) -> bool {
        self.ending.is_some() || (self.context.plan.purpose == Purpose::Up && !self.failures.is_empty())
    }

    async fn start_what_may(&mut self) {
        if self.is_closed() {
            return;
        }
        let ready: Vec<usize> = (0..self.stages.len()).filter(|step| self.may_start(*step)).collect();
        if let Err(failure) = self.intend(&ready).await {
            for step in ready {
                self.fail(step, failure.clone());
            }
            return;
        }
        for step in ready {
            self.stages[step] = Stage::Running;
            let context = Arc::clone(&self.context);
            let answered = self.answered.clone();
            let planned = &context.plan.steps[step];
            context.emit(What::Started { step, address: planned.address.clone(), op: planned.op.clone() });
            self.tasks.spawn(async move {
                let began = Instant::now();
                let result = perform(context, step, answered).await;
                (step, began, result)
            });
        }
    }

    fn replaces_cache(&self) -> bool {
        let replaced = |action: &Action| action.address.kind == Kind::FileCache && action.verb == Verb::Replace;
        self.context.plan.actions.iter().any(replaced)
    }

    /// What is about to be made stands in the record before its call is sent. What follows within seconds is written along.
    async fn intend(&self, ready: &[usize]) -> Result<(), Failure> {
        let creates = |step: &usize| matches!(self.context.plan.steps[*step].op, Op::Create { .. });
        let Some(first) = ready.iter().copied().find(|step| creates(step)) else {
            return Ok(());
        };
        // Links follow one another in minutes, and none of them outlives the file system, which is in the record by then.
        let kind = |step: usize| self.context.plan.steps[step].address.kind;
        let links = ready.iter().any(|step| kind(*step) == Kind::Link);
        // What takes another's place waits for an export: hours.
        let takes_place = |step: usize| kind(step) == Kind::FileCache && self.replaces_cache();
        let soon = |step: &usize| {
            let soon = kind(*step) != Kind::Nodes && (links || kind(*step) != Kind::Link) && !takes_place(*step);
            ready.contains(step) || (self.stages[*step] == Stage::Waiting && soon)
        };
        let intents: Vec<Intent> = (0..self.stages.len())
            .filter(creates)
            .filter(soon)
            .filter_map(|step| {
                let planned = &self.context.plan.steps[step];
                let Op::Create { epoch, count, .. } = planned.op else {
                    return None;
                };
                Some(Intent {
                    address: planned.address.clone(),
                    epoch,
                    count: self.context.expected(&planned.address, count),
                })
            })
            .collect();
        let now = self.context.clock.now();
        let address = &self.context.plan.steps[first].address;
        self.context.call(first, address, || self.context.store.intend(&intents, now)).await
    }

    fn ended(&mut self, step: usize, began: Instant, result: Result<(), Failure>) {
        match result {
            Ok(()) => {
                self.stages[step] = Stage::Done;
                let address = self.context.plan.steps[step].address.clone();
                self.context.emit(What::Finished { step, address, took_s: round(began.elapsed()) });
            }
            Err(failure) => self.fail(step, failure),
        }
    }

    fn fail(&mut self, step: usize, failure: Failure) {
        match failure {
            // Not a failure: it was asked to stop, and the next run goes on from here.
            Failure::Interrupted => self.stages[step] = Stage::Waiting,
            Failure::LostLock => {
                self.stages[step] = Stage::Waiting;
                self.lose();
            }
            failure => {
                self.stages[step] = Stage::Failed;
                let address = self.context.plan.steps[step].address.clone();
                if address.kind.is_storage() || address.kind == Kind::MountTarget {
                    self.context.storage_failed.store(true, Ordering::Relaxed);
                }
                self.context.emit(What::Failed { step, address, failure: failure.clone() });
                self.failures.push((step, failure));
            }
        }
    }

    /// Writes down what came of it and gives the lock back. What cannot be written is found by looking next time.
    async fn close(self) -> Report {
        let Self { context, stages, failures, ending, answered_for, .. } = self;
        let left: Vec<(Address, Op)> = stages
            .iter()
            .zip(&context.plan.steps)
            .filter(|(stage, _)| **stage == Stage::Waiting)
            .map(|(_, step)| (step.address.clone(), step.op.clone()))
            .collect();
        let done = stages.iter().filter(|stage| **stage == Stage::Done).count();
        let mut unforgotten = None;
        let mut ending = match ending {
            Some(ending) => ending,
            None if failures.is_empty() && left.is_empty() => Ending::Complete,
            None => Ending::Failed,
        };
        let mut kept: Vec<(Address, Failure)> = Vec::new();
        if ending != Ending::LostLock {
            kept = give_back(&context).await;
            if ending == Ending::Complete && !kept.is_empty() {
                ending = Ending::Failed;
            }
            let complete = ending == Ending::Complete;
            let seen = stages.iter().zip(&context.plan.steps).all(|(stage, step)| match &step.op {
                Op::Delete { .. } => *stage == Stage::Done,
                Op::Update { fields, .. } => *stage == Stage::Done && is_awaited(step.address.kind, fields),
                _ => true,
            });
            context.store.changed(seen, context.clock.now()).await;
            if complete && context.plan.purpose == Purpose::Up {
                context.store.tag_keys(context.desired.tags.keys().cloned().collect()).await;
                context.store.handed_over().await;
            }
            let forget = complete && context.plan.purpose == Purpose::Down && context.plan.leaves_nothing();
            // Without the lock nothing may be written. Whoever asked to stop does not want to wait for it.
            let safe = match ending {
                Ending::Interrupted if !context.keeper.is_safe() => Err(Failure::LostLock),
                _ => context.keeper.safe().await,
            };
            if forget {
                let gone =
                    async { patiently(|| context.store.delete()).await.map_err(|error| Failure::Cloud { error }) };
                unforgotten = match safe {
                    Ok(()) => gone.await.err(),
                    Err(failure) => Some(failure),
                };
            } else if safe.is_ok() {
                // What cannot be written is found by looking next time.
                let _ = patiently(|| context.store.flush()).await;
            }
        }
        let _ = context.keeper.release().await;
        if unforgotten.is_some() {
            ending = Ending::Failed;
        }
        context.emit(What::Ended { outcome: ending, done, failed: failures.len() + kept.len(), left: left.len() });
        let of_step = |(step, failure): (usize, Failure)| (context.plan.steps[step].address.clone(), failure);
        let failures = failures.into_iter().map(of_step).chain(kept).collect();
        let partly_filled = context.partly_filled();
        Report { ending, done, left, answered: answered_for, failures, partly_filled, unforgotten, may_move: false }
    }
}

/// No run leaves capacity reserved behind, not even one that was asked to stop: it is billed. What could not be given back.
async fn give_back<C: Cloud, K: Clock>(context: &Context<C, K>) -> Vec<(Address, Failure)> {
    let mut kept = Vec::new();
    for hold in context.holds.left() {
        if let Err(failure) = capacity::give_back(context, &hold).await {
            kept.push((hold.address, failure));
        }
    }
    kept
}
