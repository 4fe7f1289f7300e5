//! What a command said on each node.

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
            out.push_str(&format!("{prefix}{line}\n"));
        }
        if stream.chars().count() >= OUTPUT_MAX {
            out.push_str(&format!(
                "{prefix}[cut after {OUTPUT_MAX} characters: AWS keeps no more; write to a file on the mount]\n"
            ));
        }
    }
    match progress {
        Progress::Done(0) | Progress::Waiting | Progress::Running => {}
        Progress::Done(code) => out.push_str(&format!("{prefix}[exit code {code}]\n")),
        Progress::Broken(why) => out.push_str(&format!("{prefix}[did not run to its end: {}]\n", plain(why))),
    }
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
