//! What is paid for and stands in no total, since nobody can know it beforehand or it is not the cluster's.

use std::sync::LazyLock;

use super::table;

const DATA: &str = include_str!("data/not_included.tsv");

/// What brings such a cost with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    Always,
    /// Links to S3.
    Datasets,
    IntelligentTiering,
    Spot,
    CapacityBlock,
    Reservation,
    EfsElastic,
    /// A key of the user's own.
    KmsKey,
    /// A file system that is not the cluster's.
    Existing,
}

impl std::str::FromStr for When {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "always" => Self::Always,
            "datasets" => Self::Datasets,
            "intelligent-tiering" => Self::IntelligentTiering,
            "spot" => Self::Spot,
            "capacity-block" => Self::CapacityBlock,
            "reservation" => Self::Reservation,
            "efs-elastic" => Self::EfsElastic,
            "kms-key" => Self::KmsKey,
            "existing" => Self::Existing,
            _ => return Err(()),
        })
    }
}

static ROWS: LazyLock<Vec<(When, &'static str)>> =
    LazyLock::new(|| table::rows(DATA).map(|mut cells| (cells.number(), cells.text())).collect());

/// What no total holds of a cluster that has this, in the order shown.
pub fn of(has: &[When]) -> impl Iterator<Item = &'static str> {
    ROWS.iter().filter(|(when, _)| *when == When::Always || has.contains(when)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cluster_has_is_told_and_no_more() {
        let bare: Vec<_> = of(&[]).collect();
        assert!(bare.contains(&"data transfer and NAT") && !bare.iter().any(|what| what.starts_with("spot")));
        let spot: Vec<_> = of(&[When::Spot, When::Datasets]).collect();
        assert_eq!(spot.len(), bare.len() + 2);
        let all = [
            When::Datasets,
            When::IntelligentTiering,
            When::Spot,
            When::CapacityBlock,
            When::Reservation,
            When::EfsElastic,
            When::KmsKey,
            When::Existing,
        ];
        assert_eq!(of(&all).count(), ROWS.len());
    }
}
