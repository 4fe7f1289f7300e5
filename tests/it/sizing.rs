//! Advice and sizes: eight workloads from one GPU to 512 nodes, published figures worked out again, and a second solver.

mod answers;
mod brute;
mod fixtures;
mod published;

use provision::catalog::prices::Prices;
use provision::sizing::advice::Advice;
use provision::sizing::{Question, advise};
use provision::spec::{self, Parts};

/// The parts of a spec, which must be right.
fn parts(text: &str) -> Parts {
    let read = spec::read_for_advice(text, &|path| Err(format!("{path} is not there")));
    assert!(read.parts.is_some(), "{:?}", read.diagnostics);
    read.parts.expect("just seen")
}

fn question(parts: &Parts) -> Question<'_> {
    Question {
        region: parts.region.as_deref().unwrap_or("us-east-1"),
        workload: parts.workload.as_ref(),
        storage: parts.storage.as_ref(),
        open: parts.open,
        nodes: &parts.nodes,
        datasets: &parts.datasets,
        prices: Prices::builtin(),
        scan: None,
    }
}

fn advice(text: &str) -> Advice {
    advise(&question(&parts(text)))
}
