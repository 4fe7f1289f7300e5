//! Runs `up` and `down` as the commands do, as one client of a simulated cloud.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use provision::apply::event::{Ending, Event};
use provision::apply::lease::Holder;
use provision::apply::prepare::{Failed, Prepared, Request, prepare};
use provision::apply::{Outcome, Session, converge};
use provision::cloud::Clock;
use provision::plan::{Options, Purpose, Saved};
use provision::simulated::{Delays, Settings, Simulated, VirtualClock, check, check_clean};
use provision::spec::{
    Capacity, Cluster, Compression, Dataset, Deployment, Flow, Image, Launch, Market, Media, MetadataIops, Network,
    NodeEfa, Nodes, Open, Placement, Preload, Service, Spec, Storage,
};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

pub(crate) const CLUSTER: &str = "video";

/// A cluster with groups of so many nodes each, and links below these paths. What starts with `/out` is exported.
pub(crate) fn spec(groups: &[u32], paths: &[&str]) -> Spec {
    Spec {
        cluster: Cluster {
            name: CLUSTER.into(),
            region: Some("us-east-1".into()),
            tags: BTreeMap::from([("team".into(), "vision".into())]),
            ttl: None,
            launch: Launch::AfterStorage,
            instance_profile: None,
            budget: None,
        },
        network: Network::default(),
        storage: Storage {
            service: Service::FsxLustre,
            existing: None,
            deployment: Deployment::Persistent2,
            media: Media::Ssd,
            capacity_gib: Some(4800),
            throughput_per_tib: Some(250),
            throughput: None,
            read_cache: None,
            drive_cache: None,
            metadata_iops: Some(MetadataIops::Auto),
            compression: Compression::Lz4,
            efa: false,
            mount: "/fsx".into(),
            kms_key: None,
        },
        datasets: paths.iter().map(|path| dataset(path)).collect(),
        nodes: groups.iter().enumerate().map(|(index, count)| group(&format!("g{index}"), *count)).collect(),
        workload: None,
        open: Open::default(),
        written: None,
    }
}

pub(crate) fn dataset(path: &str) -> Dataset {
    Dataset {
        bucket: "acme".into(),
        prefix: path.trim_matches('/').into(),
        path: path.into(),
        import: vec![Flow::New, Flow::Changed],
        export: if path.starts_with("/out") { vec![Flow::New, Flow::Changed] } else { Vec::new() },
        preload: Preload::Metadata,
        export_on_down: true,
        import_chunk_mib: None,
        layout: None,
    }
}

pub(crate) fn group(name: &str, count: u32) -> Nodes {
    Nodes {
        name: name.into(),
        instance: "p5.48xlarge".into(),
        alternatives: Vec::new(),
        count,
        min_count: None,
        image: Image::Id("ami-1".into()),
        market: Market::OnDemand,
        capacity: Capacity::None,
        efa: NodeEfa::On,
        placement: if count > 1 { Placement::Cluster } else { Placement::None },
        setup: None,
        max_away: None,
        root_volume_gib: 200,
    }
}

/// A world in which things take so little time that a run is mostly its own requests, and few looks while waiting.
pub(crate) fn quick(seed: u64) -> Settings {
    let seconds = std::time::Duration::from_secs;
    let delays = Delays {
        file_system_create: seconds(6),
        file_system_update: seconds(2),
        file_system_delete: seconds(3),
        interfaces_linger: seconds(1),
        growth_interval: seconds(0),
        efs_create: seconds(1),
        efs_delete: seconds(1),
        mount_target_create: seconds(2),
        mount_target_delete: seconds(1),
        link_create: seconds(1),
        link_update: seconds(1),
        link_delete: seconds(1),
        task: seconds(2),
        auto_export: seconds(1),
        node_pending: seconds(1),
        node_boot: seconds(3),
        node_shutting_down: seconds(2),
        node_shown: seconds(3600),
    };
    Settings { delays, ..Settings::seeded(seed) }
}

/// The runs that are alive, as a machine's list of processes tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Processes(Arc<Mutex<BTreeSet<String>>>);

impl Processes {
    fn list(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, run: &str) -> Alive {
        self.list().insert(run.to_owned());
        Alive(self.clone(), run.to_owned())
    }
}

/// Ends with the run, also when it is dropped in its midst.
struct Alive(Processes, String);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.list().remove(&self.1);
    }
}

/// A machine with the tool on it.
pub(crate) struct Machine {
    pub processes: Processes,
    /// Processes of one machine are `laptop`, `laptop again`, …: each can tell that another one of them is dead.
    pub host: String,
    pub cloud: Simulated,
    pub clock: VirtualClock,
    pub stop: CancellationToken,
    pub events: RefCell<Vec<Event>>,
    /// `--wait-for-capacity`
    pub wait_for_capacity: Cell<Option<std::time::Duration>>,
}

pub(crate) fn world(settings: Settings) -> Machine {
    machine(&Simulated::new(settings), "laptop")
}

/// Whoever else runs there is dead.
pub(crate) fn machine(world: &Simulated, name: &str) -> Machine {
    machine_among(world, name, &Processes::default())
}

/// A machine that knows which runs are alive.
pub(crate) fn machine_among(world: &Simulated, name: &str, processes: &Processes) -> Machine {
    let cloud = world.client(name);
    Machine {
        processes: processes.clone(),
        host: name.split(' ').next().unwrap_or(name).to_owned(),
        clock: cloud.clock(),
        cloud,
        stop: CancellationToken::new(),
        events: RefCell::default(),
        wait_for_capacity: Cell::default(),
    }
}

impl Machine {
    pub(crate) async fn up(&self, spec: &Spec) -> Result<Outcome, Failed> {
        self.run(Purpose::Up, Some(spec), Options::default()).await
    }

    pub(crate) async fn down(&self) -> Result<Outcome, Failed> {
        self.run(Purpose::Down, None, Options::default()).await
    }

    /// As the command does, with `--yes`.
    pub(crate) async fn run(&self, purpose: Purpose, spec: Option<&Spec>, options: Options) -> Result<Outcome, Failed> {
        self.run_request(self.request(purpose, spec, options)).await
    }

    pub(crate) async fn run_request(&self, request: Request) -> Result<Outcome, Failed> {
        self.run_reviewed(request, None, &|| {}).await
    }

    /// `up --plan FILE --yes`, with the text of the file. `meanwhile`: while a person thinks about the question.
    pub(crate) async fn up_as_saved(
        &self,
        spec: &Spec,
        options: Options,
        plan: &str,
        meanwhile: &dyn Fn(),
    ) -> Result<Outcome, Failed> {
        let saved = Saved::read(plan).expect("it is a saved plan");
        self.run_reviewed(self.request(Purpose::Up, Some(spec), options), Some(saved), meanwhile).await
    }

    async fn run_reviewed(
        &self,
        request: Request,
        reviewed: Option<Saved>,
        meanwhile: &dyn Fn(),
    ) -> Result<Outcome, Failed> {
        let purpose = request.purpose;
        let (events, mut received) = unbounded_channel();
        let now = self.clock.now();
        let run = format!("{}-{}", self.cloud.name(), now.as_millisecond());
        let holder = Holder {
            who: format!("ana@{}", self.cloud.name()),
            machine: self.host.clone(),
            process: 1,
            process_started: run.clone(),
            run: run.clone(),
            command: format!("{purpose:?}").to_lowercase(),
            since: now,
            until: now,
        };
        // On one machine a dead process is known to be dead; of another machine nothing is known.
        let here = self.host.clone();
        let processes = self.processes.clone();
        let _alive = processes.start(&run);
        let is_dead = move |other: &Holder| other.machine == here && !processes.list().contains(&other.run);
        let session = Session {
            request,
            holder,
            is_dead: &is_dead,
            reviewed,
            wait_for_capacity: self.wait_for_capacity.get(),
            events,
            stop: self.stop.clone(),
        };
        let agree = |_: &Prepared| async {
            meanwhile();
            true
        };
        let outcome = converge(&self.cloud, &self.clock, &session, agree).await;
        while let Ok(event) = received.try_recv() {
            self.events.borrow_mut().push(event);
        }
        outcome
    }

    /// Looks and plans, and does nothing.
    pub(crate) async fn plan(&self, purpose: Purpose, spec: Option<&Spec>) -> Prepared {
        self.prepared(self.request(purpose, spec, Options::default())).await
    }

    pub(crate) async fn prepared(&self, request: Request) -> Prepared {
        let prepared = prepare(&self.cloud, &self.clock, &request).await.expect("it can be planned");
        let broken = provision::plan::check(&prepared.plan);
        assert!(broken.is_empty(), "{broken:#?}");
        prepared
    }

    pub(crate) fn request(&self, purpose: Purpose, spec: Option<&Spec>, options: Options) -> Request {
        self.request_for(CLUSTER, purpose, spec, options)
    }

    pub(crate) fn request_for(
        &self,
        cluster: &str,
        purpose: Purpose,
        spec: Option<&Spec>,
        options: Options,
    ) -> Request {
        Request {
            purpose,
            cluster: cluster.into(),
            spec: spec.cloned(),
            options,
            new_deployment: format!("d-{}-{}", self.cloud.name(), self.clock.now().as_millisecond()),
            patient: true,
            prices: provision::catalog::prices::PriceBook::default(),
            replace: Vec::new(),
            room: None,
            refused: std::collections::BTreeSet::new(),
            left: Vec::new(),
        }
    }

    /// `up`, and everything that an `up` promises.
    pub(crate) async fn must_up(&self, spec: &Spec) {
        let outcome = self.up(spec).await;
        assert_complete(&outcome, self);
        self.must_hold();
        let again = self.plan(Purpose::Up, Some(spec)).await;
        assert!(again.plan.is_done(), "not converged: {:#?}", again.plan.steps);
    }

    /// `down`, and everything that a `down` promises.
    pub(crate) async fn must_down(&self) {
        let outcome = self.down().await;
        assert_complete(&outcome, self);
        self.must_hold();
        let left = check_clean(&self.cloud);
        assert!(left.is_empty(), "left behind: {left:#?}\n{}", self.cloud.history());
    }

    /// The promises that hold at every instant.
    pub(crate) fn must_hold(&self) {
        let violations = check(&self.cloud);
        assert!(violations.is_empty(), "{violations:#?}\n{}", self.cloud.history());
    }
}

pub(crate) fn assert_complete(outcome: &Result<Outcome, Failed>, machine: &Machine) {
    match outcome {
        Ok(Outcome::Nothing(_)) => {}
        Ok(Outcome::Ran { report, .. }) if report.ending == Ending::Complete => {}
        Ok(Outcome::Ran { report, .. }) => panic!("{report:#?}\n{}", machine.cloud.history()),
        Ok(Outcome::Refused(prepared)) => panic!("refused: {:#?}", prepared.plan.findings),
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{error:?}\n{}", machine.cloud.history()),
    }
}
