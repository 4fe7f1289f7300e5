//! A tiny AWS that knows nobody and has nothing: what a look needs to go through, and refusals in each service's protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const REQUEST: &str = "11111111-2222-3333-4444-555555555555";

/// Listens until the tests end. Requests to `denied` are refused.
pub(super) fn serve(denied: &'static str) -> String {
    serve_saying(denied, "User: arn:aws:iam::111122223333:user/ana may not")
}

/// The same, with these words to a refusal.
pub(super) fn serve_saying(denied: &'static str, why: &str) -> String {
    let why: &'static str = why.to_owned().leak();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || while answer_one(&stream, denied, why).is_some() {});
        }
    });
    format!("http://{address}")
}

/// None once the other side has gone.
fn answer_one(stream: &TcpStream, denied: &str, why: &str) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut service, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let (name, value) = line.trim().split_once(':').unwrap_or((line.trim(), ""));
        match name.to_ascii_lowercase().as_str() {
            "" => break,
            "content-length" => length = value.trim().parse().ok()?,
            // `… Credential=KEY/20260305/us-east-1/sts/aws4_request, …`
            "authorization" => value.split('/').nth(3).unwrap_or_default().clone_into(&mut service),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let (status, text) = if service == denied { refusal(&service, why) } else { nothing(&service, &body) };
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nx-amzn-requestid: {REQUEST}\r\nContent-Type: text/xml\r\n\r\n",
        text.len()
    );
    let mut stream = stream;
    stream.write_all(format!("{head}{text}").as_bytes()).ok()
}

fn refusal(service: &str, why: &str) -> (u16, String) {
    match service {
        "ec2" => (
            403,
            format!(
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>{why}</Message></Error></Errors>\
                 <RequestID>{REQUEST}</RequestID></Response>"
            ),
        ),
        "sts" | "iam" => (403, query_error("AccessDenied", why)),
        _ => (400, format!("{{\"__type\":\"AccessDeniedException\",\"message\":\"{why}\"}}")),
    }
}

fn query_error(code: &str, why: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{why}</Message></Error>\
         <RequestId>{REQUEST}</RequestId></ErrorResponse>"
    )
}

fn nothing(service: &str, body: &str) -> (u16, String) {
    match service {
        "sts" => (
            200,
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ana</Arn>\
             <UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
                .to_owned(),
        ),
        "iam" => (404, query_error("NoSuchEntity", "there is no such thing")),
        "ec2" => {
            let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("Unknown");
            (200, format!("<{action}Response><requestId>{REQUEST}</requestId></{action}Response>"))
        }
        _ => (200, "{\"Parameters\":[],\"FileSystems\":[],\"Associations\":[],\"DataRepositoryTasks\":[]}".to_owned()),
    }
}
