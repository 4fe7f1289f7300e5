//! Partitions of AWS: the second word of every ARN.

/// How the names of a partition's regions begin. Date: 2026-11-22. Source: `partitions.json` of botocore 1.44.5.
const BY_REGION: &[(&str, &str)] = &[
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("eusc-", "aws-eusc"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
];

/// The partition that a region is in.
pub fn of_region(region: &str) -> &'static str {
    BY_REGION.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::of_region;

    #[test]
    fn regions_tell_their_partition() {
        let found = ["us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1"].map(of_region);
        assert_eq!(found, ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"]);
    }
}
