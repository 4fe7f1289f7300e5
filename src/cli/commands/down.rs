//! `provision down`: exports what is not in S3, then removes everything.

use super::status::which;
use crate::cli::args::Down;
use crate::cli::exit::Exit;
use crate::cli::prices;
use crate::cli::session::{self, Task};
use crate::cli::settings::Settings;
use crate::plan::{Options, Purpose};

pub(in crate::cli) async fn run(args: &Down, settings: &Settings) -> anyhow::Result<Exit> {
    let Down { which: cluster, yes, json, discard_unexported_data, discard_unlinked_files, keep_storage } = args;
    let (name, spec) = which(cluster, settings)?;
    let task = Task {
        named: cluster.named(),
        purpose: Purpose::Down,
        cluster: name,
        region: spec.and_then(|spec| spec.cluster.region),
        spec: None,
        options: Options {
            replace_storage: false,
            refresh_images: false,
            move_if_empty: false,
            discard_unexported_data: *discard_unexported_data,
            discard_unlinked_files: *discard_unlinked_files,
            keep_storage: *keep_storage,
        },
        prices: prices::book(None, settings)?,
        yes: *yes,
        json: *json,
        wait_for_data: Vec::new(),
        wait_for_capacity: None,
        replace: Vec::new(),
        reviewed: None,
        settings,
    };
    session::run(task).await
}
