//! The command line: parses, wires, calls, and hands plans and events to renderers. The only module that names `aws`.

mod args;
mod commands;
mod connect;
mod exit;
mod files;
mod load;
mod machine;
mod nodes;
mod output;
mod prices;
mod prompt;
mod rights;
mod runlog;
mod scan;
mod session;
mod settings;
mod signals;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command, Prices};
use exit::{Exit, Expected};
use settings::Settings;

use crate::render::{Color, Theme, diagnostics, failure, saved};

/// Runs one command to its end.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            // clap knows which of its messages are results (help, version) and which are errors.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(Exit::Error.code()) } else { ExitCode::SUCCESS };
        }
    };
    let settings = Settings::new(&cli.global, &args);
    log(&settings);
    match run(cli.command, &settings) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            complain(&error, &settings);
            ExitCode::from(Exit::Error.code())
        }
    }
}

/// The definition, for completions, manual pages and the tests of both.
pub fn definition() -> clap::Command {
    Cli::command()
}

fn run(command: Command, settings: &Settings) -> anyhow::Result<Exit> {
    match command {
        Command::Init(args) => commands::init::run(&args),
        Command::Validate(args) => commands::validate::run(&args, settings),
        Command::Iam(args) => commands::iam::run(&args, settings),
        Command::Prices(Prices::Update(args)) => block_on(commands::prices::update(&args, settings)),
        Command::Prices(Prices::Show) => commands::prices::show(settings),
        Command::Schema { what } => commands::schema::run(what),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man => commands::man::run(),
        Command::Plan(args) if args.offline => commands::plan::offline(&args, settings),
        Command::Plan(args) => block_on(commands::plan::run(&args, settings)),
        Command::Up(args) => block_on(commands::up::run(&args, settings)),
        Command::Replace(args) => block_on(commands::replace::run(&args, settings)),
        Command::Status(args) => block_on(commands::status::run(&args, settings)),
        Command::Advise(args) if args.scan.is_empty() => commands::advise::offline(&args, settings),
        Command::Advise(args) => block_on(commands::advise::run(&args, settings)),
        Command::Extend(args) => block_on(commands::extend::run(&args, settings)),
        Command::Down(args) => block_on(commands::down::run(&args, settings)),
        Command::Logs(args) => block_on(commands::logs::run(&args, settings)),
        Command::Ssh(args) => block_on(commands::ssh::run(&args, settings)),
        Command::Run(args) => block_on(commands::run::run(&args, settings)),
        Command::Log(args) => commands::log::run(&args, settings),
        Command::List(args) => block_on(commands::list::run(&args, settings)),
    }
}

/// Only what talks to the cloud pays for a runtime.
fn block_on(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let exit = runtime.block_on(command);
    // Somebody who was asked and pressed Ctrl-C is not waited for to press Enter as well.
    runtime.shutdown_background();
    exit
}

fn log(settings: &Settings) {
    let filter = match settings.verbose {
        0 => return,
        1 => "provision=debug",
        _ => "provision=trace,aws_smithy_runtime=debug,aws_config=debug",
    };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(settings.colors_errors())
        // It would be told on the very stream that cannot be written, and that is a panic.
        .log_internal_errors(false)
        .try_init();
}

fn complain(error: &anyhow::Error, settings: &Settings) {
    let text = complaint(error, &settings.err);
    // What was wrong with a spec has been said already.
    if !text.is_empty() {
        output::say(&text);
    }
}

/// An error as the user is told it.
fn complaint(error: &anyhow::Error, theme: &Theme) -> String {
    match error.downcast_ref::<Expected>() {
        Some(Expected::Diagnostics(list)) => diagnostics::render("", "", list, theme.color == Color::On),
        Some(Expected::Unapplied { file, findings }) => saved::refusal(file, findings, theme),
        Some(Expected::Cloud { error, doing }) => failure::cloud_error(error, doing, theme),
        Some(Expected::Plain { title, help }) => {
            let help = help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            format!("error: {title}{help}")
        }
        None => {
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            format!("error: {}\n  = note: this is a bug of provision; please report it", chain.join(": "))
        }
    }
}
