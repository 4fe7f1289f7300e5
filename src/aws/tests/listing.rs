use insta::assert_snapshot;

use super::wire::Wire;
use crate::cloud::{Class, Listed, Listing, Objects as _};

const GET: &str = "GET https://acme.s3.us-east-1.amazonaws.com/";

/// As S3 writes a page with `encoding-type=url`.
fn page(objects: &[(&str, u64, &str)], next: Option<&str>) -> String {
    let contents: Vec<String> = objects
        .iter()
        .map(|(key, size, class)| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><Size>{size}</Size>\
                 <StorageClass>{class}</StorageClass></Contents>"
            )
        })
        .collect();
    let contents = contents.concat();
    let next = next.map(|token| format!("<NextContinuationToken>{token}</NextContinuationToken>")).unwrap_or_default();
    let is_truncated = !next.is_empty();
    format!(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>acme</Name><Prefix>train/</Prefix>\
         <EncodingType>url</EncodingType><MaxKeys>1000</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>{contents}{next}\
         </ListBucketResult>"
    )
}

#[tokio::test]
async fn a_bucket_is_listed_page_by_page() {
    let wire = Wire::new()
        .reply(
            GET,
            200,
            page(&[("train/a+b%2B%C3%BC.mp4", 7, "STANDARD"), ("train/c", 8, "DEEP_ARCHIVE")], Some("t/=")),
        )
        .reply(GET, 200, page(&[("train/d", 9, "GLACIER_IR")], None))
        .reply(GET, 200, page(&[], None));
    let aws = wire.aws();
    let mut listing = Listing::of("acme", "train/");
    let listed = |key: &str, bytes, is_archived| Listed { key: key.to_owned(), bytes, is_archived };
    let first = aws.list(&listing).await.expect("the answer is good");
    assert_eq!(first.objects, [listed("train/a b+ü.mp4", 7, false), listed("train/c", 8, true)]);
    listing.token = first.next;
    let second = aws.list(&listing).await.expect("the answer is good");
    assert_eq!((second.objects, second.next), (vec![listed("train/d", 9, false)], None));
    // All of the bucket, beyond a key.
    let listing = Listing { after: Some("tr&in/ü".to_owned()), most: 1, ..Listing::of("acme", "") };
    assert_eq!(aws.list(&listing).await.expect("nothing is an answer").objects, []);
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn a_page_that_does_not_say_where_it_goes_on_is_an_error() {
    let wire =
        Wire::new().reply(GET, 200, page(&[("a", 1, "STANDARD")], Some("x")).replace("NextContinuationToken", "Gone"));
    let error = wire.aws().list(&Listing::of("acme", "")).await.expect_err("it cannot go on");
    assert_eq!(error.class, Class::Unknown);
}

#[tokio::test]
async fn refusals_have_their_class() {
    let error = |code: &str| format!("<Error><Code>{code}</Code><Message>said so</Message></Error>");
    for (status, code, class) in [
        (404, "NoSuchBucket", Class::NotFound),
        (403, "AccessDenied", Class::Denied),
        (403, "InvalidAccessKeyId", Class::Credentials),
        (400, "InvalidArgument", Class::Invalid),
        (301, "PermanentRedirect", Class::Unknown),
    ] {
        let wire = Wire::new().reply(GET, status, error(code));
        let refused = wire.aws().list(&Listing::of("acme", "")).await.expect_err("it is refused");
        assert_eq!((refused.class, refused.operation.as_str()), (class, "s3:ListObjectsV2"), "{code}");
        assert_eq!(refused.code.as_deref(), Some(code));
    }
    // The SDK itself asks again.
    let wire = Wire::new().reply(GET, 503, error("SlowDown")).reply(GET, 200, page(&[], None));
    wire.aws().list(&Listing::of("acme", "")).await.expect("the second answer is good");
    assert_eq!(wire.count(GET), 2);
}
