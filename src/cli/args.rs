//! The command line as typed: names, helps, value parsers. What it means together with the environment is `settings`.

mod advise;
mod iam;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use advise::ADVISE;
pub(super) use advise::{AdviceFormat, Advise, ScanPlace};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(super) use iam::{Iam, Trust};

use crate::apply::command::LONGEST;
use crate::plan::Danger;
use crate::render::plan_markdown::MaxBytes;
use crate::spec::units;

/// From one file to a running GPU training cluster on AWS: FSx for Lustre linked to S3, mounted on every node
///
/// Every command works from any machine with credentials: what exists is found by the cluster's name and region alone.
#[derive(Debug, Parser)]
#[command(name = "provision", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Region; else that of the spec, the environment or the profile
    #[arg(long, global = true, value_name = "REGION", help_heading = "Global options")]
    pub region: Option<String>,
    /// Profile of the AWS configuration
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub profile: Option<String>,
    /// Endpoint of every service, such as a LocalStack's
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub endpoint_url: Option<String>,
    /// Say more: -v for what the tool decides, -vv for every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub quiet: bool,
    /// When to use colour; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented cluster.toml to start from
    Init(Init),
    /// Check a spec, offline and without credentials
    Validate(Validate),
    /// Show what `up` would do, why, and what it costs
    Plan(PlanArgs),
    /// Create or change the cluster, and wait until every node has the file system mounted
    Up(Up),
    /// End one node and launch another in its place
    #[command(after_help = REPLACE)]
    Replace(Replace),
    /// Show what is there now: storage, links, tasks, nodes, drift, cost
    Status(Status),
    /// Export what is not yet in S3, then remove everything
    Down(Down),
    /// Tell which storage fits the workload, at which size and price, and why the others do not
    #[command(after_help = ADVISE)]
    Advise(Advise),
    /// Show what a node has printed on its console: its boot, step by step
    #[command(after_help = CONSOLE)]
    Logs(Logs),
    /// Open a shell on a node through Session Manager: no open port, no key pair
    #[command(after_help = SSH)]
    Ssh(Ssh),
    /// Run a command on the nodes, as root, and show what it prints
    #[command(after_help = RUN)]
    Run(Run),
    /// Let the nodes live longer than their ttl
    #[command(after_help = EXTEND)]
    Extend(Extend),
    /// Show what the last `up` or `down` did and how it ended, from its log in this folder
    #[command(after_help = LOGS)]
    Log(Log),
    /// List the clusters of the region
    List(List),
    /// Print the IAM policy that this spec needs and no more, offline
    Iam(Iam),
    /// Show the prices that plans go by, or ask AWS for new ones
    #[command(subcommand)]
    Prices(Prices),
    /// Print the JSON Schema of the spec, or of plans in JSON
    Schema {
        /// Of what
        #[arg(value_enum, default_value_t)]
        what: SchemaOf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Where to write it
    #[arg(default_value = "cluster.toml")]
    pub path: PathBuf,
    /// Name of the cluster
    #[arg(long, default_value = "my-cluster")]
    pub name: String,
    /// Write over a file that exists
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(super) struct SpecFile {
    /// The spec
    #[arg(value_name = "SPEC", default_value = "cluster.toml")]
    pub spec: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    #[command(flatten)]
    pub file: SpecFile,
    /// How to show complaints
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum TextOrJson {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    #[default]
    Spec,
    Plan,
    Advice,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    #[default]
    Text,
    Json,
    Markdown,
    Html,
}

impl PlanFormat {
    /// What a file's ending says of it, in small letters; JSON where it says nothing.
    const ENDINGS: &[(&str, Self)] = &[("md", Self::Markdown), ("html", Self::Html), ("txt", Self::Text)];

    pub(super) fn of(file: &Path) -> Self {
        let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        Self::ENDINGS.iter().find(|(known, _)| *known == ending).map_or(Self::Json, |(_, format)| *format)
    }
}

/// A danger that nobody wants to see in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Disruptive,
    DestroysCompute,
    DestroysData,
}

impl From<FailOn> for Danger {
    fn from(limit: FailOn) -> Self {
        match limit {
            FailOn::Disruptive => Self::Disruptive,
            FailOn::DestroysCompute => Self::DestroysCompute,
            FailOn::DestroysData => Self::DestroysData,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub file: SpecFile,
    /// Text for a terminal, Markdown for a pull request, HTML for a browser or to print, JSON for a program [default: text]
    #[arg(long, value_enum)]
    pub format: Option<PlanFormat>,
    /// Write the plan to a file as well; may be given several times. Its form is that of --format, else told by the ending: .md,
    /// .html, .txt, else JSON, which `up --plan` takes. `-` is stdout. With --format there is no other output
    #[arg(long, value_name = "FILE")]
    pub out: Vec<PathBuf>,
    /// Markdown: no longer than this, in bytes; what matters least goes first. GitHub takes comments of 65,536 characters
    #[arg(long, value_name = "N", default_value_t)]
    pub max_bytes: MaxBytes,
    /// Exit with 3 if the plan has an action that is this bad or worse
    #[arg(long, value_enum, value_name = "DANGER")]
    pub fail_on: Option<FailOn>,
    /// From the spec alone: no credentials, no network, not compared with what exists
    #[arg(long)]
    pub offline: bool,
    /// Exit with 2 if there is something to change
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Plan for a replacement of the file system where the spec cannot be met otherwise
    #[arg(long)]
    pub replace_storage: bool,
    /// Plan for the images that `ssm:` parameters name today; else the nodes keep those of the first `up`
    #[arg(long)]
    pub refresh_images: bool,
    /// Prices of your own, one `item price` a line as `prices show` has them: they win over the table's
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum WaitFor {
    #[default]
    Nodes,
    Data,
}

#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    pub file: SpecFile,
    /// Do exactly what this plan says, or nothing: the JSON of `plan --out FILE`, made from the same spec, and of a cluster that
    /// has not changed since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// One JSON event a line on stdout instead of progress
    #[arg(long)]
    pub json: bool,
    /// When it is done: once every node is ready, or also once the nodes have restored every dataset with `preload = "data"`. May
    /// be said again later, only to wait
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub wait_for: WaitFor,
    /// Where no zone has room for the nodes: go on asking for so long, such as `6h`, with growing pauses. Where a Capacity Block
    /// has not begun: wait for its beginning, if it is not further away. May be interrupted, and said again later
    #[arg(long, value_name = "DURATION", value_parser = patience)]
    pub wait_for_capacity: Option<Duration>,
    /// Where the nodes find no room beside a file system that was made for them, and no node was ever launched beside it: delete
    /// it, and make the cluster in the next zone that has room; where none has, remove all of it again
    #[arg(long, conflicts_with = "plan")]
    pub move_if_empty: bool,
    /// Replace the file system where the spec cannot be met otherwise: links are exported, then all of it is made anew
    #[arg(long)]
    pub replace_storage: bool,
    /// Take the images that `ssm:` parameters name today, and replace the nodes that run older ones
    #[arg(long)]
    pub refresh_images: bool,
    /// Prices of your own, one `item price` a line as `prices show` has them: they win over the table's
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

impl SpecFile {
    /// As it stands on a command line, with a space before it; nothing for the default.
    pub(super) fn named(&self) -> String {
        named(&self.spec)
    }
}

fn named(spec: &Path) -> String {
    if spec == Path::new("cluster.toml") {
        return String::new();
    }
    format!(" {}", shell(&spec.display().to_string()))
}

/// A word of a command line that can be pasted.
pub(super) fn shell(text: &str) -> Cow<'_, str> {
    shlex::try_quote(text).unwrap_or(Cow::Borrowed(text))
}

/// Which cluster: by its spec or by its name.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The spec; cluster.toml if neither is given
    #[arg(value_name = "SPEC", conflicts_with = "cluster")]
    pub spec: Option<PathBuf>,
    /// Name of the cluster: no spec is needed
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
}

impl Which {
    /// As it stands on a command line, with a space before it; nothing for the default.
    pub(super) fn named(&self) -> String {
        match (&self.cluster, &self.spec) {
            (Some(name), _) => format!(" --cluster {name}"),
            (None, Some(spec)) => named(spec),
            (None, None) => String::new(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    pub which: Which,
    /// Prices of your own, one `item price` a line as `prices show` has them: they win over the table's
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Text for a person, JSON for a program
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

#[derive(Debug, Args)]
pub(super) struct Down {
    #[command(flatten)]
    pub which: Which,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// One JSON event a line on stdout instead of progress
    #[arg(long)]
    pub json: bool,
    /// Delete files that are not in S3, too
    #[arg(long)]
    pub discard_unexported_data: bool,
    /// Export what is below a link, and delete files outside of all links
    #[arg(long, conflicts_with = "discard_unexported_data")]
    pub discard_unlinked_files: bool,
    /// Remove the nodes and leave the file system with its links
    #[arg(long, conflicts_with_all = ["discard_unexported_data", "discard_unlinked_files"])]
    pub keep_storage: bool,
}

/// Below the options of `logs`.
const CONSOLE: &str = "The console is what EC2 keeps of it, 64 KB at most, also for about an hour after a node has ended. The whole log of a \
    running node: `provision run --node NODE -- cat /var/log/provision.log`.";

/// Below the options of `ssh`.
const SSH: &str = "It needs the Session Manager plugin of AWS on this machine and leaves the shell to it.";

/// Below the options of `run`.
const RUN: &str = "The words of the command reach the node as they are, none is expanded: for pipes and variables, \
    `-- bash -c 'nvidia-smi | head'`. Exit code: 0 if the command ended with 0 on every node, 5 if not, 130 after Ctrl-C, which cancels it.";

/// A node, in words.
const NODE: &str = "Its id or the beginning of it, its private address, or GROUP/INDEX as `status` shows it";

const REPLACE: &str = "For a node that looks well and is not: `up` replaces those that have failed by itself. Jobs on it stop, and what is on \
    its own disks is lost. Other nodes run on. If it was stopped half-way, `provision up` goes on: a name such as `trainer/0` may \
    mean another node by then, an id never does.";

#[derive(Debug, Args)]
pub(super) struct Replace {
    #[arg(value_name = "NODE", help = NODE)]
    pub node: String,
    #[command(flatten)]
    pub file: SpecFile,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// One JSON event a line on stdout instead of progress
    #[arg(long)]
    pub json: bool,
    /// Prices of your own, as for `up`
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Logs {
    #[arg(value_name = "NODE", help = NODE)]
    pub node: String,
    #[command(flatten)]
    pub which: Which,
    /// The last so many lines
    #[arg(long, value_name = "N", default_value_t = 200, conflicts_with = "all")]
    pub lines: usize,
    /// All lines that EC2 has
    #[arg(long)]
    pub all: bool,
    /// JSON for a program
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Ssh {
    #[arg(value_name = "NODE", help = NODE)]
    pub node: String,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub which: Which,
    /// Only on the ready nodes of this group
    #[arg(long, value_name = "NAME", conflicts_with = "node")]
    pub group: Option<String>,
    /// Only on this node, ready or not; may be given several times
    #[arg(long, value_name = "NODE")]
    pub node: Vec<String>,
    /// End the command on a node where it runs for longer
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = timeout)]
    pub timeout: Duration,
    /// JSON for a program, at the end
    #[arg(long)]
    pub json: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

fn timeout(text: &str) -> Result<Duration, String> {
    let span = units::duration(text).map_err(|error| error.0)?;
    let span = Duration::try_from(span).map_err(|_| "it cannot be negative".to_owned())?;
    if span.subsec_nanos() == 0 && !span.is_zero() && span <= LONGEST {
        Ok(span)
    } else {
        Err("Systems Manager takes whole seconds, from 1s to 48h".to_owned())
    }
}

/// As long as a session may last that nobody looks after.
const LONGEST_WAIT: Duration = Duration::from_hours(30 * 24);

fn patience(text: &str) -> Result<Duration, String> {
    let span = units::duration(text).map_err(|error| error.0)?;
    let span = Duration::try_from(span).map_err(|_| "it cannot be negative".to_owned())?;
    if span.is_zero() || span > LONGEST_WAIT {
        return Err("it is more than nothing, and at most 30d".to_owned());
    }
    Ok(span)
}

/// Below the options of `extend`.
const EXTEND: &str = "All nodes of the cluster get the same end, and so do those made later (in place of others or beside them), \
    until it has passed; after that, `up` starts anew with the `ttl` of the spec. An end only moves later. The file system has \
    no end: it costs until `provision down`.";

#[derive(Debug, Args)]
pub(super) struct Extend {
    /// How much later than now planned: `24h`, `90m`, `2d`; with --until the SPEC may stand here
    #[arg(value_name = "DURATION", required_unless_present = "until")]
    pub duration: Option<String>,
    /// Until a time instead: `2026-12-24T18:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub until: Option<jiff::Timestamp>,
    #[command(flatten)]
    pub which: Which,
    /// Text for a person, JSON for a program
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

/// Below the options of `log`.
const LOGS: &str = "Every `up` and `down` writes its events to `.provision/<cluster>/runs/` in the folder that it runs in; the \
    newest 50 logs of a cluster are kept. To show them takes neither credentials nor a network.";

#[derive(Debug, Args)]
pub(super) struct Log {
    #[command(flatten)]
    pub which: Which,
    /// List the runs instead: when, how they ended, how long they took, and who ran them
    #[arg(long)]
    pub list: bool,
    /// Another run than the last one, by its id or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with = "list")]
    pub run: Option<String>,
    /// Text for a person; JSON for a program: header, events as `--json` had them, and ending
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

#[derive(Debug, Subcommand)]
pub(super) enum Prices {
    /// Ask the AWS Price List API for the prices of a region, and keep them for later runs
    Update(PricesUpdate),
    /// Print the table in force in a region; without one, the tables that there are
    Show,
}

#[derive(Debug, Args)]
pub(super) struct PricesUpdate {
    /// Write the table here, where no later run looks, instead of into the cache
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Text for a person, JSON for a program
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}
