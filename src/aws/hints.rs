//! What EC2 says in the words of a refusal and in no field: where there is capacity, and how high a limit is.
//!
//! Its words may change: what is not understood is left out, and the error is as it was without it.

/// The zones behind "You can currently get … capacity by not specifying an Availability Zone in your request or choosing
/// us-east-1b, us-east-1c." (EC2 User Guide, "Insufficient instance capacity"), in EC2's order.
pub(super) fn zones_with_capacity(message: &str) -> Vec<String> {
    let Some((_, after)) = message.split_once("You can currently get") else { return Vec::new() };
    let Some((_, list)) = after.split_once("choosing") else { return Vec::new() };
    let words = list.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let mut zones: Vec<String> = Vec::new();
    for word in words.filter(|word| !word.is_empty() && !matches!(*word, "or" | "and")) {
        // The list ends where the sentence does.
        if !is_zone(word) {
            break;
        }
        if !zones.iter().any(|zone| zone == word) {
            zones.push(word.to_owned());
        }
    }
    zones
}

/// `us-east-1a`, `us-gov-west-1b`, and of local zones `us-east-1-bos-1a`.
fn is_zone(word: &str) -> bool {
    let mut ends = word.chars().rev();
    let letter = ends.next().is_some_and(|c| c.is_ascii_lowercase());
    letter && ends.next().is_some_and(|c| c.is_ascii_digit()) && word.matches('-').count() >= 2
}

/// The number in "… more vCPU capacity than your current vCPU limit of 64 allows for the instance bucket …" (EC2 API
/// developer guide, `VcpuLimitExceeded`).
pub(super) fn current_limit(message: &str) -> Option<u64> {
    let (_, after) = message.split_once("limit of ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested \
        (us-east-1a). Our system will be working on provisioning additional capacity.";

    #[test]
    fn the_zones_that_ec2_names_are_read_in_its_order() {
        for (end, zones) in [
            (
                "You can currently get p5.48xlarge capacity by not specifying an Availability Zone in your request or \
                 choosing us-east-1c, us-east-1b.",
                &["us-east-1c", "us-east-1b"][..],
            ),
            (
                "You can currently get c6i.32xlarge capacity by not specifying an Availability Zone in your request or \
                 choosing us-gov-west-1a",
                &["us-gov-west-1a"],
            ),
            (
                "You can currently get g5 capacity by choosing us-west-2-lax-1a or us-west-2b.",
                &["us-west-2-lax-1a", "us-west-2b"],
            ),
            // What follows the list is no zone, whatever it looks like.
            ("You can currently get it by choosing eu-west-1a. Or ask in us-east-1a.", &["eu-west-1a"]),
            ("", &[]),
            ("You can currently get p5.48xlarge capacity by not specifying an Availability Zone.", &[]),
            ("You can currently get some by choosing ", &[]),
        ] {
            assert_eq!(zones_with_capacity(&format!("{BEFORE} {end}")), zones, "{end}");
        }
    }

    #[test]
    fn the_zone_that_has_none_is_not_among_them() {
        assert_eq!(zones_with_capacity(BEFORE), [""; 0]);
    }

    #[test]
    fn the_limit_is_the_number_that_the_words_name() {
        let text = |limit: &str| {
            format!(
                "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance \
                 bucket that the specified instance type belongs to."
            )
        };
        assert_eq!(current_limit(&text("0")), Some(0));
        assert_eq!(current_limit(&text("192")), Some(192));
        assert_eq!(current_limit("Max spot instance count exceeded"), None);
        assert_eq!(current_limit(&text("99999999999999999999999")), None);
    }
}
