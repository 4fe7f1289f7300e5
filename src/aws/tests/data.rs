//! What `down` reads besides FSx: the age of the queue of automatic export, and reports in S3.

use jiff::Timestamp;

use super::wire::Wire;
use crate::cloud::{Class, Cloud, Excerpt, QueuePoint};

/// The bytes of CBOR that an answer takes.
enum Cbor<'a> {
    Map(Vec<(&'a str, Cbor<'a>)>),
    List(Vec<Cbor<'a>>),
    Text(&'a str),
    Number(f64),
    Time(f64),
}

impl Cbor<'_> {
    fn bytes(&self) -> Vec<u8> {
        let head = |major: u8, length: usize| major | u8::try_from(length).expect("short");
        let text = |text: &str| {
            let length = u8::try_from(text.len()).expect("short");
            [&[0x78, length][..], text.as_bytes()].concat()
        };
        let number = |number: &f64| [&[0xfb][..], &number.to_be_bytes()].concat();
        match self {
            Self::Map(pairs) => {
                let pairs = pairs.iter().flat_map(|(key, value)| [text(key), value.bytes()].concat());
                std::iter::once(head(0xa0, self.length())).chain(pairs).collect()
            }
            Self::List(items) => {
                std::iter::once(head(0x80, self.length())).chain(items.iter().flat_map(Self::bytes)).collect()
            }
            Self::Text(value) => text(value),
            Self::Number(value) => number(value),
            Self::Time(seconds) => [vec![0xc1], number(seconds)].concat(),
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Map(pairs) => pairs.len(),
            Self::List(items) => items.len(),
            Self::Text(_) | Self::Number(_) | Self::Time(_) => 0,
        }
    }
}

fn told(points: &[(f64, f64)]) -> Vec<u8> {
    let times = points.iter().map(|(at, _)| Cbor::Time(*at)).collect();
    let values = points.iter().map(|(_, age)| Cbor::Number(*age)).collect();
    let result =
        Cbor::Map(vec![("Id", Cbor::Text("age")), ("Timestamps", Cbor::List(times)), ("Values", Cbor::List(values))]);
    Cbor::Map(vec![("MetricDataResults", Cbor::List(vec![result]))]).bytes()
}

#[tokio::test]
async fn the_queue_of_a_file_system_is_one_request_and_no_point_is_no_zero() {
    let wire = Wire::new()
        .cbor("GetMetricData", 200, told(&[(1_800_000_000.0, 12.5), (1_799_999_940.0, 0.0)]))
        .cbor("GetMetricData", 200, told(&[]))
        .cbor("GetMetricData", 403, Cbor::Map(vec![("__type", Cbor::Text("AccessDenied"))]).bytes());
    let aws = wire.aws();
    let now = Timestamp::from_second(1_800_000_060).expect("a time");
    let point = |at, age_s| QueuePoint { at: Timestamp::from_second(at).expect("a time"), age_s };
    let points = aws.export_queue("fs-0a", now).await.expect("the answer is good");
    assert_eq!(points, [point(1_800_000_000, 13), point(1_799_999_940, 0)]);
    for word in ["AWS/FSx", "AgeOfOldestQueuedMessage", "FileSystemId", "fs-0a", "Publisher", "AutoExport", "Maximum"] {
        assert!(wire.requests().contains(word), "{word} in {}", wire.requests());
    }
    assert_eq!(aws.export_queue("fs-0a", now).await.expect("the answer is good"), []);
    assert_eq!(aws.export_queue("fs-0a", now).await.expect_err("refused").class, Class::Denied);
}

#[tokio::test]
async fn no_more_of_an_object_is_read_than_was_asked_for() {
    let get = "GET https://acme.s3.us-east-1.amazonaws.com/out/reports/task-1/failures.csv";
    let error = |code: &str| format!("<Error><Code>{code}</Code><Message>said so</Message></Error>");
    let wire = Wire::new()
        .object(get, "0-4/12345", "a,b,c")
        .object(get, "0-2/3", "a,b")
        .reply(get, 404, error("NoSuchKey"))
        .reply(get, 416, error("InvalidRange"))
        .reply(get, 403, error("AccessDenied"));
    let aws = wire.aws();
    let read = || aws.read_object("s3://acme/out/reports/task-1/failures.csv", 5);
    let excerpt = |text: &str, is_whole| Some(Excerpt { text: text.to_owned(), is_whole });
    assert_eq!(read().await.expect("the answer is good"), excerpt("a,b,c", false));
    assert_eq!(read().await.expect("the answer is good"), excerpt("a,b", true));
    assert_eq!(read().await.expect("none is an answer"), None);
    assert_eq!(read().await.expect("nothing is in it"), excerpt("", true));
    assert_eq!(read().await.expect_err("refused").class, Class::Denied);
    assert_eq!(aws.read_object("acme", 5).await.expect_err("no URL").class, Class::Invalid);
}
