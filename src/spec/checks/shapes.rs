//! How ids, names and paths of AWS look. Shape only: whether a thing exists is found out online.

/// `prefix` followed by 1 to 17 hexadecimal digits, such as `subnet-0aa…`. AWS gives 8 or 17, and refuses the rest itself.
pub(in crate::spec) fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|id| (1..=17).contains(&id.len()) && id.bytes().all(is_hex))
}

/// `[a-z][a-z0-9-]*`, at most `longest` characters.
pub(in crate::spec) fn is_name(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`.
pub(in crate::spec) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    (2..=3).contains(&words.len())
        && words.iter().all(|word| (2..=12).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// A key of KMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::spec) enum KmsKey<'t> {
    IdOrAlias,
    Arn { region: &'t str },
}

/// Reads a key's id, `alias/…`, or the ARN of either.
pub(in crate::spec) fn kms_key(text: &str) -> Option<KmsKey<'_>> {
    let alias = |text: &str| {
        text.strip_prefix("alias/").is_some_and(|name| {
            (1..=250).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte))
        })
    };
    if is_key_id(text) || alias(text) {
        return Some(KmsKey::IdOrAlias);
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, key] = parts[..] else { return None };
    let is_arn = arn == "arn" && partition.starts_with("aws") && service == "kms" && is_region(region);
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_key = key.strip_prefix("key/").map_or_else(|| alias(key), is_key_id);
    (is_arn && is_account && is_key).then_some(KmsKey::Arn { region })
}

/// `1234abcd-12ab-34cd-56ef-1234567890ab`, or `mrk-` and 32 digits for a key of several regions.
fn is_key_id(text: &str) -> bool {
    if let Some(id) = text.strip_prefix("mrk-") {
        return id.len() == 32 && id.bytes().all(is_hex);
    }
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| is_hex(byte) || byte == b'-')
}

/// A name of an SSM parameter: a path of letters, digits and `_.-`.
pub(in crate::spec) fn is_parameter(text: &str) -> bool {
    text.len() <= 1011
        && text.strip_prefix('/').is_some_and(|path| {
            path.split('/').all(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
            })
        })
}

/// What is wrong with a path of a file system or key, if anything: it starts with `/` and has only plain parts.
pub(in crate::spec) fn path_fault(path: &str) -> Option<&'static str> {
    /// FSx's FileSystemPath (API: 1 to 4096 characters).
    const LONGEST: usize = 4096;
    if !path.starts_with('/') {
        return Some("must start with `/`");
    }
    if path.len() > LONGEST {
        return Some("longer than 4096 bytes");
    }
    let inner = &path[1..];
    if inner.is_empty() { None } else { parts_fault(inner.strip_suffix('/').unwrap_or(inner)) }
}

/// The same of a relative path, such as a prefix in a bucket.
pub(in crate::spec) fn parts_fault(inner: &str) -> Option<&'static str> {
    if inner.chars().any(char::is_control) {
        return Some("has a control character");
    }
    inner.split('/').find_map(|part| match part {
        "" => Some("has `//`"),
        "." | ".." => Some("has `.` or `..`"),
        part if part.len() > 255 => Some("has a name longer than 255 bytes"),
        _ => None,
    })
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert!(is_id("subnet-0aa", "subnet") && is_id("cr-0123456789abcdef0", "cr"));
        for bad in ["subnet-", "subnet-XYZ", "sg-0aa", "subnet0aa", "subnet-0123456789abcdef01", "subnet-0aa ", ""] {
            assert!(!is_id(bad, "subnet"), "{bad}");
        }
    }

    #[test]
    fn regions() {
        for good in ["us-east-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5", "eusc-de-east-1", "mx-central-1"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["", "us-east", "us-east-1a", "US-EAST-1", "useast1", "us--1", "us-east-123", "-", "us-east-1 "] {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn kms_keys() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(kms_key(id), Some(KmsKey::IdOrAlias));
        assert_eq!(kms_key("alias/training"), Some(KmsKey::IdOrAlias));
        assert_eq!(kms_key("mrk-1234abcd12ab34cd56ef1234567890ab"), Some(KmsKey::IdOrAlias));
        let arn = format!("arn:aws:kms:us-east-1:123456789012:key/{id}");
        assert_eq!(kms_key(&arn), Some(KmsKey::Arn { region: "us-east-1" }));
        let alias = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/x";
        assert_eq!(kms_key(alias), Some(KmsKey::Arn { region: "us-gov-west-1" }));
        for bad in [
            "",
            "alias/",
            "alias/a b",
            "1234",
            "arn:aws:s3:us-east-1:123456789012:key/x",
            "arn:aws:kms:us-east-1:1:key/x",
        ] {
            assert_eq!(kms_key(bad), None, "{bad}");
        }
    }

    #[test]
    fn paths() {
        for good in ["/", "/train", "/train/", "/a/b c/ü"] {
            assert_eq!(path_fault(good), None, "{good}");
        }
        for bad in ["", "train", "//", "/a//b", "/a/../b", "/..", "/a\nb", "/a\0", "/./a"] {
            assert!(path_fault(bad).is_some(), "{bad:?}");
        }
        assert!(path_fault(&format!("/{}", "a/".repeat(2100))).is_some());
        assert!(
            is_parameter("/aws/service/x_y.z-1")
                && !is_parameter("aws")
                && !is_parameter("/a b")
                && !is_parameter("//")
        );
    }
}
