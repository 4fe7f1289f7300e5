use std::collections::BTreeMap;

use proptest::prelude::*;

use super::favour;
use crate::cloud::{Reservation, Subnet, Survey};
use crate::desired::{Place, addresses_needed, candidates, choose};
use crate::spec::{self, Spec};

const TYPES: [&str; 2] = ["g6.xlarge", "g5.xlarge"];
const ZONES: [char; 4] = ['a', 'b', 'c', 'd'];

/// A group on demand of two types, and one of spot, in these subnets.
fn spec(listed: &[char]) -> Spec {
    let subnets: Vec<String> = listed.iter().map(|zone| format!("\"subnet-{zone}\"")).collect();
    let text = format!(
        "[cluster]\nname = \"x\"\nregion = \"us-east-1\"\n[network]\nsubnets = [{}]\n[storage]\ndeployment = \"scratch-2\"\ncapacity = \"1.2 TiB\"\n\
         [[nodes]]\nname = \"od\"\ninstance = [\"g6.xlarge\", \"g5.xlarge\"]\ncount = 4\nplacement = \"none\"\n\
         [[nodes]]\nname = \"spot\"\ninstance = \"g6.xlarge\"\ncount = 2\nmarket = \"spot\"\n",
        subnets.join(", ")
    );
    let checked = spec::read(&text, &|_| Ok(String::new()));
    checked.spec.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

/// Of each zone: which types it offers, how many of the first are held openly there, and its score; 0: none.
type Zone = (bool, bool, u32, u32);

fn survey(zones: &[Zone; 4]) -> Survey {
    let mut survey = Survey::default();
    let mut scores = BTreeMap::new();
    for (letter, (first, second, free, score)) in ZONES.iter().zip(zones) {
        let zone = format!("us-east-1{letter}");
        survey.subnets.push(Subnet {
            id: format!("subnet-{letter}"),
            vpc: "vpc-1".to_owned(),
            zone: zone.clone(),
            zone_id: format!("use1-az{letter}"),
            free_addresses: 100,
        });
        for (kind, _) in TYPES.iter().zip([first, second]).filter(|(_, offered)| **offered) {
            survey.offerings.entry((*kind).to_owned()).or_default().insert(zone.clone());
        }
        let reservation = Reservation {
            instance: TYPES[0].to_owned(),
            zone,
            state: "active".to_owned(),
            free: *free,
            is_block: None,
            starts: None,
            ends: None,
            placement_group: None,
        };
        survey.open_reservations.insert(format!("cr-{letter}"), reservation);
        if *score > 0 {
            scores.insert(format!("use1-az{letter}"), *score);
        }
    }
    survey.spot_scores.insert("spot".to_owned(), scores);
    survey
}

fn order() -> impl Strategy<Value = Vec<char>> {
    Just(ZONES.to_vec()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is known: nothing that was not chosen is better, and it is the same in whichever order AWS answers.
    #[test]
    fn the_best_zone_is_chosen(
        zones in prop::array::uniform4((any::<bool>(), any::<bool>(), 0_u32..7, 0_u32..11)),
        listed in order(),
        answered in order(),
        before in prop::option::of(0_usize..4),
    ) {
        let (spec, survey) = (spec(&listed), survey(&zones));
        let before = before.map(|at| Place::from(&survey.subnets[at]));
        let worth = |subnet: &Subnet| {
            let all = candidates(&spec, &survey, addresses_needed(&spec));
            let of = all.into_iter().find(|each| each.subnet == *subnet).expect("each is a candidate");
            let at = listed.iter().position(|zone| subnet.id.ends_with(*zone));
            let is_new = before.as_ref() != Some(&Place::from(subnet));
            let known: Vec<i64> = favour(&spec, &survey, subnet).iter().map(|worth| -i64::from(*worth)).collect();
            of.against.is_empty().then_some((of.ranks, is_new, known, at))
        };
        let best = survey.subnets.iter().filter_map(|subnet| Some((worth(subnet)?, subnet))).min_by_key(|each| each.0.clone());
        let mut shuffled = survey.clone();
        shuffled.subnets.sort_by_key(|subnet| answered.iter().position(|zone| subnet.id.ends_with(*zone)));
        for survey in [&survey, &shuffled] {
            match (choose(&spec, survey, before.as_ref()), &best) {
                (Ok((place, choice)), Some((_, subnet))) => {
                    prop_assert_eq!(&place, &Place::from(*subnet));
                    prop_assert!(!choice.reasons.is_empty(), "a choice has a reason");
                    prop_assert_eq!(choice.others.len() + choice.ruled_out.len() + 1, 4);
                }
                (Err(_), None) => {}
                (chosen, best) => prop_assert!(false, "{:?} {:?}", chosen, best),
            }
        }
    }
}

/// The first group counts most, and of it no more than it needs.
#[test]
fn what_is_held_counts_before_a_score_and_up_to_the_need() {
    let listed = ['a', 'b', 'c', 'd'];
    let zone = |free, score| (true, true, free, score);
    let chosen = |zones| choose(&spec(&listed), &survey(&zones), None).expect("there is one").0.zone;
    assert_eq!(chosen([zone(0, 10), zone(1, 1), zone(0, 9), zone(0, 9)]), "us-east-1b");
    assert_eq!(chosen([zone(4, 2), zone(6, 1), zone(4, 3), zone(0, 9)]), "us-east-1c");
    assert_eq!(chosen([zone(0, 0), zone(0, 0), zone(0, 1), zone(0, 0)]), "us-east-1c");
}
