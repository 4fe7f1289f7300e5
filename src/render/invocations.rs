//! What a command said on each node.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::console::plain;
use super::plan_json::pretty;
use crate::cloud::remote::{Invocation, OUTPUT_MAX, Progress};

/// Output, then errors, each line behind its node where there are several.
pub fn text(invocation: &Invocation, several: bool) -> String {
    let Invocation { node, progress, output, errors } = invocation;
    let prefix = if several { format!("{node}: ") } else { String::new() };
    let mut out = String::new();
    for stream in [output, errors] {
        for line in plain(stream).lines() {
            let _ = writeln!(out, "{prefix}{line}");
        }
        if stream.chars().count() >= OUTPUT_MAX {
            let cut = format!("cut after {OUTPUT_MAX} characters: AWS keeps no more; write to a file on the mount");
            let _ = writeln!(out, "{prefix}[{cut}]");
        }
    }
    let end = match progress {
        Progress::Done(0) | Progress::Waiting | Progress::Running => return out,
        Progress::Done(code) => format!("exit code {code}"),
        Progress::Broken(why) => format!("did not run to its end: {}", plain(why)),
    };
    let _ = writeln!(out, "{prefix}[{end}]");
    out
}

/// For a program: one array, a node each.
pub fn json(invocations: &[Invocation]) -> String {
    pretty(&invocations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_whose_it_is() {
        let of = |progress, output: &str| Invocation {
            node: "i-0a".into(),
            progress,
            output: output.into(),
            errors: "oops\n".into(),
        };
        assert_eq!(text(&of(Progress::Done(0), "one\ntwo\n"), true), "i-0a: one\ni-0a: two\ni-0a: oops\n");
        assert_eq!(text(&of(Progress::Done(3), ""), false), "oops\n[exit code 3]\n");
        assert!(text(&of(Progress::Done(0), &"x".repeat(OUTPUT_MAX)), false).contains("cut after 24000"));
    }
}
