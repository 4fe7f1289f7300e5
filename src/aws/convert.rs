//! Between the SDK's types and ours, for what more than one service needs.

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;
use jiff::Timestamp;

use crate::cloud::{Class, CloudError, Create};
use crate::desired::{Address, Reference, Resource, Tags};
use crate::observed::{Seen, State};

/// Tags on their way in: every service has its own type of the same two fields. Those that AWS itself has set
/// (`aws:ec2launchtemplate:id` on an instance) nobody can change, and so they are none of a plan's.
macro_rules! tags_from {
    ($($name:ident: $tag:ty => $key:expr, $value:expr;)*) => {$(
        pub(super) fn $name(tags: &[$tag]) -> Tags {
            tags.iter()
                .filter_map(|tag| Some(($key(tag)?, $value(tag)?)))
                .filter(|(key, _): &(String, String)| !key.starts_with("aws:"))
                .collect()
        }
    )*};
}

tags_from! {
    ec2_tags: aws_sdk_ec2::types::Tag => |tag: &aws_sdk_ec2::types::Tag| tag.key.clone(), |tag: &aws_sdk_ec2::types::Tag| tag.value.clone();
    fsx_tags: aws_sdk_fsx::types::Tag => |tag: &aws_sdk_fsx::types::Tag| tag.key.clone(), |tag: &aws_sdk_fsx::types::Tag| tag.value.clone();
    efs_tags: aws_sdk_efs::types::Tag => |tag: &aws_sdk_efs::types::Tag| Some(tag.key.clone()), |tag: &aws_sdk_efs::types::Tag| Some(tag.value.clone());
    iam_tags: aws_sdk_iam::types::Tag => |tag: &aws_sdk_iam::types::Tag| Some(tag.key.clone()), |tag: &aws_sdk_iam::types::Tag| Some(tag.value.clone());
}

pub(super) fn to_ec2(tags: &Tags) -> Vec<aws_sdk_ec2::types::Tag> {
    tags.iter().map(|(key, value)| aws_sdk_ec2::types::Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of a thing that is made in this call.
pub(super) fn ec2_specification(
    kind: aws_sdk_ec2::types::ResourceType,
    tags: &Tags,
) -> aws_sdk_ec2::types::TagSpecification {
    aws_sdk_ec2::types::TagSpecification::builder().resource_type(kind).set_tags(Some(to_ec2(tags))).build()
}

pub(super) fn to_fsx(tags: &Tags) -> Vec<aws_sdk_fsx::types::Tag> {
    tags.iter().map(|(key, value)| aws_sdk_fsx::types::Tag::builder().key(key).value(value).build()).collect()
}

pub(super) fn to_efs(tags: &Tags) -> Vec<aws_sdk_efs::types::Tag> {
    tags.iter()
        .map(|(key, value)| {
            aws_sdk_efs::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
                .expect("key and value are set, and no more is required")
        })
        .collect()
}

pub(super) fn to_iam(tags: &Tags) -> Vec<aws_sdk_iam::types::Tag> {
    tags.iter()
        .map(|(key, value)| {
            aws_sdk_iam::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
                .expect("key and value are set, and no more is required")
        })
        .collect()
}

pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    // Nanoseconds are below 10^9 and so fit.
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// The fields of a resource, by name.
pub(super) fn fields(resource: &Resource) -> BTreeMap<String, String> {
    resource.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a service keeps no state of, as it was asked for.
pub(super) fn made(create: &Create, id: impl Into<String>, arn: Option<String>) -> Seen {
    Seen {
        address: create.address.clone(),
        id: id.into(),
        arn,
        state: State::Ready,
        lifecycle: String::new(),
        reason: None,
        fields: fields(&create.resource),
        tags: create.tags.clone(),
        endpoint: None,
        file_system: None,
    }
}

/// The id or name behind a reference.
pub(super) fn resolve(create: &Create, operation: &str, reference: &Reference) -> Result<String, CloudError> {
    match reference {
        Reference::Existing(id) => Ok(id.clone()),
        Reference::Ours(address) => resolve_in(&create.known, operation, address),
    }
    .map_err(|error| error.about(&create.address))
}

/// The id of something that was made before.
pub(super) fn resolve_in(
    known: &crate::cloud::Known,
    operation: &str,
    address: &Address,
) -> Result<String, CloudError> {
    known.ids.get(address).cloned().ok_or_else(|| {
        CloudError::new(operation, Class::Invalid, format!("the id of {address} is needed and not known"))
    })
}

/// EC2, FSx: counts and sizes are signed on the wire and small.
pub(super) fn to_i32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What is negative or absent is none.
pub(super) fn to_u32(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

/// `%7B` → `{`: IAM gives documents URL-encoded. What is no escape stays as it is.
pub(super) fn url_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = (first == b'%').then(|| after.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{ec2_tags, url_decoded};
    use crate::desired::Tags;

    #[test]
    fn tags_that_aws_has_set_are_left_out() {
        let tag = |key: &str| aws_sdk_ec2::types::Tag::builder().key(key).value("x").build();
        let expected = Tags::from([("team".to_owned(), "x".to_owned())]);
        assert_eq!(ec2_tags(&[tag("aws:ec2launchtemplate:id"), tag("team")]), expected);
    }

    #[test]
    fn escapes_are_decoded_and_nothing_else() {
        assert_eq!(url_decoded("%7B%22a%22%3A%20%22%C3%BC%22%7D"), "{\"a\": \"ü\"}");
        assert_eq!(url_decoded("100%"), "100%");
        assert_eq!(url_decoded("%zz%4"), "%zz%4");
        assert_eq!(url_decoded("a+b"), "a+b");
    }
}
