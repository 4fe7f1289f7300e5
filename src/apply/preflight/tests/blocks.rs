//! Reserved capacity in time, and what is asked about zones.

use super::{BLOCK, Planned, RESERVED, found, none, one, planned, reservation, reserved, there, with};
use crate::apply::preflight::questions;
use crate::cloud::Reservation;
use crate::desired::Pins;
use crate::diagnostic::Severity;
use crate::observed::{Observed, Report};
use crate::spec::Spec;

/// A block from 1 to 8 December.
fn block() -> Reservation {
    let at = |text: &str| Some(text.parse().expect("a time"));
    let (starts, ends) = (at("2026-12-01T11:30:00Z"), at("2026-12-08T11:30:00Z"));
    Reservation { is_block: Some(true), starts, ends, ..reservation() }
}

#[test]
fn a_block_tells_its_last_safe_moments() {
    let notes = |spec: &Spec| one(spec, &reserved(Some(block())), "reservation::ends").notes;
    let told = notes(&with(&[BLOCK]));
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(
        told[0].starts_with(
            "cr-0a begins at 2026-12-01 11:30 UTC and ends at 2026-12-08 11:30 UTC; EC2 ends its instances from 2026-12-08 11:00 UTC on"
        ),
        "{}",
        told[0]
    );
    assert!(told[1].starts_with("last safe moment to begin `provision down`: 2026-12-08 10:50 UTC; "), "{}", told[1]);
    // 48,000 GiB at half of 12,000 MB/s take 2 h 23 min.
    assert!(told[2].contains("all of 48 TiB in S3") && told[2].contains("by 2026-12-08 08:26 UTC"), "{}", told[2]);
    // A checkpoint of 6 TB, at as much as the file system writes, or in the time that the user gives it.
    let workload = "[workload]\ncheckpoint_size = \"6 TB\"\ncheckpoint_interval = \"1h\"\n";
    for (more, by) in [("", "10:41"), ("checkpoint_time = \"5m\"\n", "10:45")] {
        let told = notes(&with(&[BLOCK, ("[[dataset]]", &format!("{workload}{more}[[dataset]]"))]));
        assert_eq!(told[2], format!("the last checkpoint of 6 TB has to begin by 2026-12-08 {by} UTC"));
    }
}

#[test]
fn a_block_that_is_ahead_is_a_warning_and_one_that_never_will_be_an_error() {
    let spec = with(&[BLOCK]);
    for state in ["scheduled", "payment-pending", "delayed"] {
        let ahead = reserved(Some(Reservation { state: state.to_owned(), ..block() }));
        let finding = one(&spec, &ahead, "reservation::awaited");
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.notes, [format!("cr-0a is {state}, and begins at 2026-12-01 11:30 UTC")]);
        none(&spec, &ahead, "reservation::unusable");
    }
    for state in ["payment-failed", "cancelled", "expired", "failed"] {
        let gone = reserved(Some(Reservation { state: state.to_owned(), ..block() }));
        assert_eq!(one(&spec, &gone, "reservation::unusable").severity, Severity::Error, "{state}");
        none(&spec, &gone, "reservation::awaited");
    }
    // What is wrong with it is wrong before it begins.
    let (state, zone) = ("scheduled".to_owned(), "us-east-1b".to_owned());
    let elsewhere = reserved(Some(Reservation { zone, state, ..block() }));
    assert_eq!(one(&spec, &elsewhere, "reservation::unusable").severity, Severity::Error);
    none(&spec, &elsewhere, "reservation::awaited");
}

#[test]
fn a_node_gives_its_place_in_a_reservation_to_the_one_that_replaces_it() {
    let spec = with(&[RESERVED]);
    let mut observed = there("48000 GiB");
    observed.nodes[0].report = Some(Report::Failed("no driver".to_owned()));
    let full = reserved(Some(Reservation { free: 0, ..reservation() }));
    assert_eq!(found(&spec, &full, &observed, "reservation::unusable"), []);
    observed.nodes.pop();
    assert_eq!(found(&spec, &full, &observed, "reservation::unusable").len(), 1, "one more has no place");
}

#[test]
fn what_speaks_for_a_zone_is_asked_once_and_where_there_is_a_choice() {
    let spot = ("count = 8", "count = 8\nmarket = \"spot\"");
    let open = questions(&with(&[spot]), &Pins::default(), &Observed::default());
    assert_eq!((open.spot_scores["trainer"].count, open.open_reservations.len()), (8, 0));
    let open = questions(&with(&[]), &Pins::default(), &Observed::default());
    assert_eq!(
        (open.spot_scores.len(), open.open_reservations.into_iter().collect::<Vec<_>>()),
        (0, vec!["p5.48xlarge".to_owned()])
    );
    let one_subnet = ("[storage]", "[network]\nsubnets = [\"subnet-0a\"]\n[storage]");
    let alone = questions(&with(&[spot, one_subnet]), &Pins::default(), &Observed::default());
    let Planned { place, .. } = planned(&with(&[]), &Observed::default());
    let settled = Pins { place: Some(place), ..Pins::default() };
    for questions in [alone, questions(&with(&[spot]), &settled, &Observed::default())] {
        assert!(questions.spot_scores.is_empty() && questions.open_reservations.is_empty());
    }
}
