use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::json;

use super::wire::Wire;
use super::{create, scope};
use crate::aws::{Aws, Options};
use crate::cloud::{Class, Cloud as _, Questions, Remains};
use crate::desired::{Address, Kind, PlacementGroup, Resource};

fn placement() -> crate::cloud::Create {
    create(
        Address::named(Kind::Placement, "a"),
        Resource::Placement(PlacementGroup { name: "provision/vision/a".to_owned() }),
    )
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_by_the_sdk() {
    let mut wire = Wire::new();
    for _ in 0..2 {
        wire = wire.ec2_error("CreatePlacementGroup", 503, "RequestLimitExceeded", "slower");
    }
    let wire = wire.ok("CreatePlacementGroup", "<R/>");
    wire.aws().create(&placement()).await.expect("the third answer is good");
    assert_eq!(wire.count("CreatePlacementGroup"), 3);
}

#[tokio::test(start_paused = true)]
async fn throttling_that_does_not_end_is_said_so() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        wire = wire.json_error("DescribeFileSystems", 400, "ThrottlingException", "Rate exceeded");
    }
    let error = wire.aws().observe(&scope(), &[Kind::Fsx]).await.expect_err("throttled");
    assert_eq!(
        (error.class, error.remains, error.request_id.as_deref()),
        (Class::Throttled, Remains::Nothing, Some("r-1"))
    );
    assert_eq!(error.to_string(), "fsx:DescribeFileSystems: Rate exceeded (ThrottlingException, request r-1)");
    assert_eq!(wire.count("DescribeFileSystems"), 3);
}

#[tokio::test]
async fn a_denial_is_told_without_what_nobody_can_read() {
    let said = "You are not authorized to perform this operation. User: ana is not authorized to perform: \
        ec2:CreateTags on resource: placement-group/x because no identity-based policy allows the ec2:CreateTags action.";
    let message = format!("{said} Encoded authorization failure message: {}", "T-kSWIRFn32_".repeat(60));
    let wire = Wire::new().ec2_error("CreatePlacementGroup", 403, "UnauthorizedOperation", &message);
    let error = wire.aws().create(&placement()).await.expect_err("denied");
    assert_eq!((error.class, error.remains, error.message.as_str()), (Class::Denied, Remains::Nothing, said));
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_leaves_it_open_what_was_done() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        wire = wire.broken("CreatePlacementGroup").broken("DescribePlacementGroups");
    }
    let aws = wire.aws();
    let error = aws.create(&placement()).await.expect_err("broken");
    assert_eq!(
        (error.class, error.remains, error.operation.as_str()),
        (Class::Transient, Remains::Perhaps, "ec2:CreatePlacementGroup")
    );
    assert_eq!(error.address, Some(Address::named(Kind::Placement, "a")));
    let error = aws.observe(&scope(), &[Kind::Placement]).await.expect_err("broken");
    assert_eq!((error.class, error.remains), (Class::Transient, Remains::Nothing), "a look leaves nothing");
}

#[tokio::test(start_paused = true)]
async fn silence_ends_in_time() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        wire = wire.silent("CreatePlacementGroup");
    }
    let begin = tokio::time::Instant::now();
    let error = wire.aws().create(&placement()).await.expect_err("no answer");
    assert_eq!(
        (error.class, error.remains, error.message.as_str()),
        (Class::Unreachable, Remains::Perhaps, "no answer in time")
    );
    assert!(begin.elapsed() <= std::time::Duration::from_mins(3), "{:?}", begin.elapsed());
    assert!(wire.count("CreatePlacementGroup") > 1, "a half open connection is given up before the call is");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_service_is_tried_again_and_leaves_it_open() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        wire = wire.ec2_error("CreatePlacementGroup", 500, "InternalError", "sorry");
    }
    let error = wire.aws().create(&placement()).await.expect_err("it failed");
    assert_eq!((error.class, error.remains), (Class::Transient, Remains::Perhaps));
    assert_eq!(wire.count("CreatePlacementGroup"), 3);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_it_open() {
    let wire = Wire::new().ok("CreatePlacementGroup", "<html>welcome to the hotel</html>");
    let error = wire.aws().create(&placement()).await.expect_err("unreadable");
    assert_eq!((error.class, error.remains), (Class::Unknown, Remains::Perhaps));
    assert!(error.message.starts_with("unreadable answer"), "{}", error.message);
}

#[tokio::test]
async fn credentials_are_told_from_rights() {
    for (code, class) in [
        ("ExpiredTokenException", Class::Credentials),
        ("UnrecognizedClientException", Class::Credentials),
        ("InvalidSignatureException", Class::Credentials),
        ("AccessDeniedException", Class::Denied),
    ] {
        let wire = Wire::new().json_error("GetParametersByPath", 400, code, "no");
        let error = wire.aws().parameters("/provision").await.expect_err("refused");
        assert_eq!((error.class, error.code.as_deref()), (class, Some(code)));
    }
    for (code, class) in [
        ("InvalidClientTokenId", Class::Credentials),
        ("ExpiredToken", Class::Credentials),
        ("AccessDenied", Class::Denied),
    ] {
        let wire = Wire::new().iam_error("GetCallerIdentity", 403, code);
        assert_eq!(wire.aws().identity().await.expect_err("refused").class, class, "{code}");
    }
}

#[tokio::test]
async fn refusals_of_fsx_have_classes() {
    for (code, message, class) in [
        ("ServiceLimitExceeded", "TOTAL_STORAGE", Class::Quota),
        ("IncompatibleParameterError", "the token was used with other parameters", Class::Conflict),
        ("BadRequest", "Amazon FSx is unable to validate access to the S3 bucket", Class::Denied),
        ("BadRequest", "insufficient capacity in this zone", Class::Capacity),
        ("BadRequest", "1300 is no storage capacity", Class::Invalid),
        ("InvalidPerUnitStorageThroughput", "no", Class::Invalid),
        ("FileSystemNotFound", "made a moment ago", Class::NotYet),
        ("UnsupportedOperation", "not here", Class::Invalid),
    ] {
        let wire = Wire::new().json_error("CreateDataRepositoryAssociation", 400, code, message);
        let link = crate::desired::Link {
            bucket: "acme".to_owned(),
            prefix: String::new(),
            path: "/".to_owned(),
            import: vec![],
            export: vec![],
            import_chunk_mib: None,
            preload_metadata: false,
            export_on_down: true,
        };
        let create = create(Address::named(Kind::Link, "root"), Resource::Link(link));
        let error = wire.aws().create(&create).await.expect_err("refused");
        assert_eq!((error.class, error.message.as_str()), (class, message), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_at_the_first_call_ends_sooner() {
    let mut wire = Wire::new();
    for _ in 0..8 {
        wire = wire.silent("GetCallerIdentity");
    }
    let begin = tokio::time::Instant::now();
    let error = wire.aws().identity().await.expect_err("no answer");
    assert_eq!((error.class, error.remains), (Class::Unreachable, Remains::Nothing), "{error}");
    assert!(begin.elapsed() <= std::time::Duration::from_secs(100), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_refused_signature_does_not_repeat_the_token() {
    // Word for word what the services say, but for the values.
    let words = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
        Key and signing method. Consult the service documentation for details.";
    let signed = format!(
        "{words}\n\nThe Canonical String for this request should have been\n'POST\n/\n\nhost:fsx.us-east-1.amazonaws.com\n\
         x-amz-security-token:FwoGZXIvYXdzEXAMPLE\n'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n…'"
    );
    let wire = Wire::new().json_error("DescribeFileSystems", 400, "InvalidSignatureException", &signed);
    let error = wire.aws().observe(&scope(), &[Kind::Fsx]).await.expect_err("refused");
    assert_eq!((error.class, error.message.as_str()), (Class::Credentials, words));
}

/// Answers one request on a socket of this machine, and gives back what was asked.
fn answer_once(body: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = vec![0; 16 * 1024];
        let length = stream.read(&mut request).expect("a request");
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("the client listens");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (url, thread)
}

/// Without the SDK's feature `default-https-client` everything compiles, and this alone fails.
#[tokio::test]
async fn the_real_client_reaches_a_real_socket() {
    let (url, server) = answer_once(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>42</Account><Arn>arn:aws:iam::42:root</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>",
    );
    let identity = Aws::over(None, Some(&url)).identity().await.expect("the answer is good");
    assert_eq!((identity.account.as_str(), identity.partition.as_str()), ("42", "aws"));
    let request = server.join().expect("the server has answered");
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("AWS4-HMAC-SHA256"), "{request}");
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unreachable() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}", listener.local_addr().expect("it is bound"))
    };
    // Time stands still for the SDK's pauses, but not for the machine's sockets.
    tokio::time::pause();
    let error = Aws::over(None, Some(&url)).identity().await.expect_err("nobody is there");
    assert_eq!((error.class, error.remains), (Class::Unreachable, Remains::Nothing), "{error}");
}

#[tokio::test]
async fn without_credentials_it_is_said_so() {
    let wire = Wire::new();
    let error = wire.without_credentials().identity().await.expect_err("nobody");
    assert_eq!((error.class, error.remains), (Class::Credentials, Remains::Nothing), "{error}");
    assert_eq!(wire.operations(), Vec::<String>::new());
    let error = wire.without_credentials().create(&placement()).await.expect_err("nobody");
    assert_eq!((error.class, error.remains), (Class::Credentials, Remains::Nothing), "nothing was sent");
}

/// As a machine without a role, or a container that is kept from it, answers to whoever asks for credentials.
#[tokio::test]
async fn a_metadata_service_that_refuses_is_told_in_a_line() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    let imds = aws_config::imds::Client::builder().endpoint(url).expect("a URL").build();
    let provider = aws_config::imds::credentials::ImdsCredentialsProvider::builder().imds_client(imds).build();
    let error = Wire::new().with_provider(provider).identity().await.expect_err("nobody");
    assert_eq!(error.class, Class::Credentials);
    assert_eq!(
        error.message,
        "none in the environment or in the profile, and the metadata service of this machine (IMDS) gives none"
    );
}

#[tokio::test]
async fn one_kind_that_fails_fails_the_look() {
    let wire = Wire::new()
        .ok("DescribePlacementGroups", "<R/>")
        .ok("DescribeFileSystems", json!({ "FileSystems": [] }).to_string())
        .iam_error("GetRole", 403, "AccessDenied");
    let error = wire.aws().observe(&scope(), &[Kind::Placement, Kind::Fsx, Kind::Role]).await.expect_err("denied");
    assert_eq!((error.class, error.operation.as_str()), (Class::Denied, "iam:GetRole"));
}

#[tokio::test]
async fn connecting_sends_nothing() {
    let options = Options {
        region: Some("eu-west-1".to_owned()),
        profile: None,
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
    };
    let aws = Aws::connect(options).await.expect("the region is set");
    assert_eq!(aws.region, "eu-west-1");
    assert_eq!(aws.survey(&Questions::default()).await, Ok(crate::cloud::Survey::default()));
}
