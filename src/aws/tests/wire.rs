//! An HTTP client that answers from a list and keeps what it was asked. Answers are kept by operation, since a look at
//! many kinds sends its requests in no order.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_sdk_s3::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::aws::Aws;
use crate::aws::convert::url_decoded;
use crate::desired::Tags;

#[derive(Debug)]
enum Answer {
    Reply {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// The connection breaks.
    Broken,
    /// Nothing, for ever.
    Silence,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Wire(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    answers: BTreeMap<String, VecDeque<Answer>>,
    requests: Vec<(String, String)>,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn aws(&self) -> Aws {
        Aws::over(Some(self.client()), None)
    }

    pub(super) fn at(&self, endpoint: &str) -> Aws {
        Aws::over(Some(self.client()), Some(endpoint))
    }

    pub(super) fn without_credentials(&self) -> Aws {
        self.with_provider(ProfileFileCredentialsProvider::builder().profile_name("a-profile-that-nobody-has").build())
    }

    pub(super) fn with_provider(&self, provider: impl ProvideCredentials + 'static) -> Aws {
        let config = Aws::for_tests(Some(self.client()), None).into_builder();
        Aws::with(&config.credentials_provider(SharedCredentialsProvider::new(provider)).build())
            .expect("the region is set")
    }

    fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// The next answer to an operation; the last one is given no second time.
    pub(super) fn reply(self, operation: &str, status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("x-amzn-requestid", "r-1".to_owned())];
        self.answer(operation, Answer::Reply { status, headers, body: body.into().into_bytes() })
    }

    /// Of XML, `<R>` stands for the root element that the operation's answer has.
    pub(super) fn ok(self, operation: &str, body: impl Into<String>) -> Self {
        let root = format!("{operation}Response");
        let body = body
            .into()
            .replace("<R>", &format!("<{root}>"))
            .replace("</R>", &format!("</{root}>"))
            .replace("<R/>", &format!("<{root}/>"));
        self.reply(operation, 200, body)
    }

    pub(super) fn header(self, operation: &str, status: u16, name: &'static str, value: &str) -> Self {
        self.answer(operation, Answer::Reply { status, headers: vec![(name, value.to_owned())], body: Vec::new() })
    }

    /// An object of S3, or a part of it.
    pub(super) fn object(self, operation: &str, range: &str, body: &str) -> Self {
        let headers = vec![("content-range", format!("bytes {range}"))];
        self.answer(operation, Answer::Reply { status: 206, headers, body: body.as_bytes().to_vec() })
    }

    /// Of a service that speaks CBOR (RFC 8949): `body` is what it says.
    pub(super) fn cbor(self, operation: &str, status: u16, body: Vec<u8>) -> Self {
        let headers =
            vec![("smithy-protocol", "rpc-v2-cbor".to_owned()), ("content-type", "application/cbor".to_owned())];
        self.answer(operation, Answer::Reply { status, headers, body })
    }

    pub(super) fn ec2_error(self, operation: &str, status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
        );
        self.reply(operation, status, body)
    }

    pub(super) fn iam_error(self, operation: &str, status: u16, code: &str) -> Self {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>said so</Message></Error></ErrorResponse>"
        );
        self.reply(operation, status, body)
    }

    pub(super) fn json_error(self, operation: &str, status: u16, code: &str, message: &str) -> Self {
        self.reply(
            operation,
            status,
            serde_json::json!({ "__type": code, "Message": message, "message": message }).to_string(),
        )
    }

    pub(super) fn broken(self, operation: &str) -> Self {
        self.answer(operation, Answer::Broken)
    }

    pub(super) fn silent(self, operation: &str) -> Self {
        self.answer(operation, Answer::Silence)
    }

    fn answer(self, operation: &str, answer: Answer) -> Self {
        self.0
            .lock()
            .expect("no test panics while it holds this")
            .answers
            .entry(operation.to_owned())
            .or_default()
            .push_back(answer);
        self
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        let inner = self.0.lock().expect("no test panics while it holds this");
        inner.requests.iter().filter(|(name, _)| name == operation).count()
    }

    /// All requests, in order, one field a line.
    pub(super) fn requests(&self) -> String {
        let inner = self.0.lock().expect("no test panics while it holds this");
        inner.requests.iter().fold(String::new(), |mut text, (name, body)| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}\n{body}");
            text
        })
    }

    /// The names of all operations, in order.
    pub(super) fn operations(&self) -> Vec<String> {
        let inner = self.0.lock().expect("no test panics while it holds this");
        inner.requests.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (operation, text) = read(&request);
        let mut inner = self.0.lock().expect("no test panics while it holds this");
        let answer = inner.answers.get_mut(&operation).and_then(VecDeque::pop_front);
        inner.requests.push((operation.clone(), text));
        match answer {
            None => HttpConnectorFuture::ready(Err(ConnectorError::user(
                format!("the test has no answer to {operation}").into(),
            ))),
            Some(Answer::Broken) => {
                HttpConnectorFuture::ready(Err(ConnectorError::io("connection reset by peer".into())))
            }
            Some(Answer::Silence) => HttpConnectorFuture::new(std::future::pending()),
            Some(Answer::Reply { status, headers, body }) => {
                let status = status.try_into().expect("a test's status is one");
                let mut response = HttpResponse::new(status, SdkBody::from(body));
                for (name, value) in headers {
                    response.headers_mut().insert(name, value);
                }
                HttpConnectorFuture::ready(Ok(response))
            }
        }
    }
}

/// Name of the operation, and what it says.
fn read(request: &HttpRequest) -> (String, String) {
    // Smithy's RPC over CBOR: the operation ends the path, and words stand in the body as they are.
    if let Some((_, name)) = request.uri().split_once("/operation/") {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        return (name.to_owned(), body);
    }
    let body = std::str::from_utf8(request.body().bytes().unwrap_or_default()).unwrap_or("binary");
    if let Some(target) = request.headers().get("x-amz-target") {
        let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let name = target.rsplit('.').next().unwrap_or_default().to_owned();
        return (name, format!("{json:#}\n"));
    }
    if let Some((_, path)) = request.uri().split_once("/2015-02-01/") {
        // EFS: what is asked for stands in the path, and what is said as JSON in the body.
        let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let said = if body.is_empty() { String::new() } else { format!("{json:#}\n") };
        return (format!("{} {}", request.method(), path.split('?').next().unwrap_or_default()), said);
    }
    if let Some(form) = body.strip_prefix("Action=") {
        let mut fields = form.split('&');
        let name = fields.next().unwrap_or_default().to_owned();
        let mut lines: Vec<String> = fields
            .filter(|field| !field.starts_with("Version="))
            .map(|field| format!("  {}\n", url_decoded(&field.replace('+', " "))))
            .collect();
        lines.sort();
        return (name, lines.concat());
    }
    // REST: the path is the name, and what is asked of it stands behind it.
    let (path, query) = request.uri().split_once('?').unwrap_or((request.uri(), ""));
    let mut fields: Vec<String> = query
        .split('&')
        .filter(|field| field.contains('='))
        .map(|field| format!("  {}\n", url_decoded(field)))
        .collect();
    fields.sort();
    (format!("{} {path}", request.method()), fields.concat())
}

/// Tags as EC2 and IAM give them; IAM says `member` for `item`, and capitals.
pub(super) fn ec2_tags(tags: &Tags) -> String {
    let items = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{}</value></item>", value.replace('&', "&amp;")));
    format!("<tagSet>{}</tagSet>", items.collect::<String>())
}

pub(super) fn iam_tags(tags: &Tags) -> String {
    let items = tags
        .iter()
        .map(|(key, value)| format!("<member><Key>{key}</Key><Value>{}</Value></member>", value.replace('&', "&amp;")));
    format!("<Tags>{}</Tags>", items.collect::<String>())
}

pub(super) fn fsx_tags(tags: &Tags) -> serde_json::Value {
    tags.iter().map(|(key, value)| serde_json::json!({ "Key": key, "Value": value })).collect()
}
