//! `provision down`: exports what is not in S3, then removes everything.

use super::status::which;
use crate::apply::count_unlinked;
use crate::cli::args::Down;
use crate::cli::connect::connect;
use crate::cli::exit::Exit;
use crate::cli::prices;
use crate::cli::session::{self, Task};
use crate::cli::settings::Settings;
use crate::cloud::unlinked::Counted;
use crate::plan::{Options, Purpose};

pub(in crate::cli) async fn run(args: &Down, settings: &Settings) -> anyhow::Result<Exit> {
    let Down { which: cluster, yes, json, discard_unexported_data, discard_unlinked_files, keep_storage } = args;
    let (name, spec) = which(cluster, settings)?;
    let region = spec.and_then(|spec| spec.cluster.region);
    let all_settled = *keep_storage || *discard_unexported_data || *discard_unlinked_files;
    // Somebody is asked, or has said yes: both want to know. Who may not be asked is refused before anything is looked at.
    let counted = if all_settled || !(*yes || (settings.interactive && !*json)) {
        Counted::NotAsked
    } else {
        let cloud = connect(settings, region.as_deref()).await?;
        count_unlinked(&cloud, &name).await
    };
    let task = Task {
        named: cluster.named(),
        purpose: Purpose::Down,
        cluster: name,
        region,
        spec: None,
        options: Options {
            replace_storage: false,
            discard_unexported_data: *discard_unexported_data,
            discard_unlinked_files: *discard_unlinked_files,
            counted,
            keep_storage: *keep_storage,
        },
        prices: prices::book(None, settings)?,
        yes: *yes,
        json: *json,
        reviewed: None,
        settings,
    };
    session::run(task).await
}
