//! `provision up`: creates or changes the cluster until it is as the spec says.

use std::path::Path;

use crate::cli::args::{Up, WaitFor};
use crate::cli::exit::{Exit, Expected, plain};
use crate::cli::load::load;
use crate::cli::prices;
use crate::cli::session::{self, Reviewed, Task};
use crate::cli::settings::Settings;
use crate::plan::{Options, Purpose, Saved};

pub(in crate::cli) async fn run(args: &Up, settings: &Settings) -> anyhow::Result<Exit> {
    let Up {
        file,
        plan,
        yes,
        json,
        wait_for,
        wait_for_capacity,
        move_if_empty,
        replace_storage,
        refresh_images,
        prices,
    } = args;
    let spec = load(&file.spec, settings)?;
    let prices = prices::book(prices.as_deref(), settings)?;
    let reviewed = plan.as_deref().map(|path| reviewed(path, &spec.cluster.name)).transpose()?;
    let wait_for_data: Vec<String> = match wait_for {
        WaitFor::Nodes => Vec::new(),
        WaitFor::Data => spec.preloads_data().map(|dataset| dataset.path.clone()).collect(),
    };
    if *wait_for == WaitFor::Data && wait_for_data.is_empty() {
        return Err(plain(
            "`--wait-for data` has nothing to wait for: no `[[dataset]]` has `preload = \"data\"`",
            "say `preload = \"data\"` where jobs are to find the data on the file system, or leave `--wait-for` out",
        ));
    }
    let task = Task {
        named: file.named(),
        purpose: Purpose::Up,
        cluster: spec.cluster.name.clone(),
        region: spec.cluster.region.clone(),
        spec: Some(spec),
        options: Options {
            replace_storage: *replace_storage,
            refresh_images: *refresh_images,
            move_if_empty: *move_if_empty,
            ..Options::default()
        },
        prices,
        yes: *yes,
        json: *json,
        wait_for_data,
        wait_for_capacity: *wait_for_capacity,
        replace: Vec::new(),
        reviewed,
        settings,
    };
    session::run(task).await
}

/// Larger than the plan of a thousand nodes by far.
const LARGEST: u64 = 64 << 20;

/// Reads a saved plan; one that can be applied to no cloud is refused before the first call.
fn reviewed(path: &Path, cluster: &str) -> anyhow::Result<Reviewed> {
    let file = path.display().to_string();
    if std::fs::metadata(path).is_ok_and(|found| found.len() > LARGEST) {
        return Err(plain(format!("`{file}` is too large to be a saved plan"), WRITE_ONE));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| plain(format!("`{file}` cannot be read: {error}"), WRITE_ONE))?;
    let refused = |findings| Expected::Unapplied { file: file.clone(), findings };
    let saved = Saved::read(&text).map_err(|finding| refused(vec![*finding]))?;
    let unfit = saved.unfit(cluster);
    if unfit.is_empty() { Ok(Reviewed { file, saved }) } else { Err(refused(unfit).into()) }
}

const WRITE_ONE: &str = "name a file that `provision plan --out FILE` has written";
