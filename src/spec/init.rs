//! The file that `provision init` writes.

use super::checks::cluster::{NAME_MAX, is_cluster_name};

const TEMPLATE: &str = include_str!("../../templates/cluster.toml");

/// A commented spec to start from. It is valid as it stands; the bucket is a guess, to be changed by its reader.
/// A name that no cluster can have becomes the nearest one that it can.
pub fn starter(name: &str) -> String {
    let usable = usable(name);
    let name = if is_cluster_name(name) { name } else { &usable };
    TEMPLATE.replace("{{ bucket }}", &format!("{usable}-data")).replace("{{ name }}", name)
}

/// A name that a cluster and, with `-data` after it, a bucket can have: room for that after it in the name of a bucket, and for no `-` at its end.
fn usable(name: &str) -> String {
    let dashed: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .skip_while(|c| !c.is_ascii_lowercase())
        .take(NAME_MAX)
        .collect();
    let trimmed = dashed.trim_end_matches('-');
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| dashed.starts_with(prefix));
    if trimmed.is_empty() || reserved { "training".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_the_name_of_a_directory() {
        for (name, usable_name) in [
            ("video", "video"),
            ("My Project", "my-project"),
            ("2024_run", "run"),
            ("...", "training"),
            ("", "training"),
        ] {
            assert_eq!(usable(name), usable_name);
        }
    }

    #[test]
    fn keeps_a_name_that_a_cluster_can_have() {
        for name in ["xn--a", "x-", "video"] {
            let spec = crate::spec::read(&starter(name), &|_| Err("no file".to_owned())).spec.expect("valid");
            assert_eq!(spec.cluster.name, name);
        }
    }

    proptest! {
        #[test]
        fn is_valid_under_any_name(name in any::<String>(), plain in "[a-zA-Z0-9 _.-]{0,50}") {
            for name in [name, plain] {
                let checked = crate::spec::read(&starter(&name), &|_| Err("no file".to_owned()));
                prop_assert_eq!(checked.diagnostics, vec![]);
                prop_assert!(checked.spec.is_some());
            }
        }
    }
}
