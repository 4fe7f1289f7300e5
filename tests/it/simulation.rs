//! Lives of clusters drawn from seeds: one seed is a spec, a series of commands, and all that befalls them: faults, crashes,
//! signals, lag, other runs, other people's hands. The promises are looked at after every request and every event.
//!
//! `story` draws a life and `wish` the specs in it, `play` lives it, `shrink` makes a failing one shorter. How many seeds:
//! `PROVISION_SEEDS` (a number, or `from..to`); `make soak SEEDS=100000` runs them optimised. A story that failed once is kept
//! in `found/` by a name that says what it found, and is lived again by every `cargo test`.

mod play;
mod room;
mod shrink;
mod story;
mod waste;
mod wish;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use play::play;
use story::Story;

/// In `cargo test`, which is not optimised.
const SEEDS: Range<u64> = 0..60;

/// The outcome of a life: nothing, or why it failed and the history that led there.
fn live(story: &Story) -> Result<(), Failed> {
    roomy(|| live_here(story))
}

/// Runs it where the stack is deep enough.
fn roomy<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        thread.expect("a thread").join().expect("panics are caught in it")
    })
}

/// Bytes. Unoptimised, the frames of a run in a run in a story need more than the 2 MiB of a test's thread.
const STACK: usize = 8 << 20;

fn live_here(story: &Story) -> Result<(), Failed> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let lived = catch_unwind(AssertUnwindSafe(|| runtime.block_on(Box::pin(play(story)))));
    lived.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Failed { why: format!("panic: {}", text.unwrap_or_default()), history: String::new() })
    })
}

#[derive(Debug)]
struct Failed {
    why: String,
    history: String,
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("PROVISION_SEEDS") else { return SEEDS };
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("PROVISION_SEEDS: `{text}` is no number"));
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&text),
    }
}

#[test]
fn no_seed_breaks_a_promise() {
    let seeds = seeds();
    let (next, failures) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failures.lock().is_ok_and(|failures| !failures.is_empty()) {
                        return;
                    }
                    let story = Story::draw(seed);
                    if let Err(failed) = live(&story)
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push((seed, story, failed));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panics");
    if let Some((seed, story, failed)) = failures.into_iter().min_by_key(|(seed, _, _)| *seed) {
        let (story, failed) = shrink::shrink(story, failed);
        panic!("{}", report(seed, &story, &failed));
    }
    let (count, took) = (seeds.end - seeds.start, began.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let rate = count as f64 / took;
    #[expect(clippy::print_stdout, reason = "`make soak` shows it")]
    {
        println!("{count} seeds held every promise, {rate:.0} a second on {threads} threads");
    }
}

/// What a person needs to see it, to see it again, and to keep it.
fn report(seed: u64, story: &Story, failed: &Failed) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (history, kept) = (folder.join(format!("seed-{seed}.history")), folder.join(format!("seed-{seed}.json")));
    let json = serde_json::to_string_pretty(story).expect("a story is plain data");
    let _ = std::fs::write(&history, &failed.history);
    let _ = std::fs::write(&kept, &json);
    let lines: Vec<&str> = failed.history.lines().collect();
    let end = lines.iter().position(|line| line.contains("BROKEN")).map_or(lines.len(), |at| (at + 6).min(lines.len()));
    let tail = lines[end.saturating_sub(60)..end].join("\n");
    format!(
        "seed {seed}: {}\n\nthe story, made shorter:\n{json}\n\nits history (last lines; all of it in {}):\n{tail}\n\n\
         again: PROVISION_SEEDS={seed}..{} cargo test --test it simulation\n\
         keep:  cp {} tests/it/simulation/found/what_it_found.json",
        failed.why,
        history.display(),
        seed + 1,
        kept.display(),
    )
}

#[test]
fn what_was_found_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/simulation/found");
    let mut found: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    found.sort();
    for path in found {
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let story: Story = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        if let Err(failed) = live(&story) {
            panic!("{}: {}\n{}", path.display(), failed.why, failed.history);
        }
    }
}

#[test]
fn one_seed_is_one_life() {
    roomy(|| {
        for seed in 0..4 {
            let history = || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .start_paused(true)
                    .build()
                    .expect("a runtime");
                runtime.block_on(play::history(&Story::draw(seed)))
            };
            assert_eq!(history(), history());
        }
    });
}
