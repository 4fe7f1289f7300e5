//! Prices: shown, given, kept, asked for.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use super::files::SPEC;
use super::{folder, ran, snapshot};
use crate::program::{Ran, provision, run};

#[test]
fn the_table_in_force_is_shown() {
    let folder = folder("");
    let at = folder.path();
    let all = ran(at, &["prices", "show"]).exits(0);
    assert_eq!(all.stdout.lines().count(), 13, "{all}");
    let table = ran(at, &["prices", "show", "--region", "eu-west-1"]).exits(0);
    assert!(table.stdout.contains("\nfsx/persistent-2-ssd/250\t0.231\n"), "{table}");
    snapshot("prices-unknown-region", &ran(at, &["prices", "show", "--region", "af-south-1"]).exits(1));
    // What it prints can be given back.
    fs::write(at.join("ours.tsv"), &table.stdout).expect("writable");
    fs::write(at.join("cluster.toml"), SPEC.replace("us-east-1", "eu-west-1")).expect("writable");
    ran(at, &["plan", "--offline", "--prices", "ours.tsv"]).exits(0).says(&["prices from `ours.tsv`"]);
}

#[test]
fn given_prices_win() {
    let folder = folder(SPEC);
    let at = folder.path();
    fs::write(at.join("ours.tsv"), "# agreed with AWS\nec2/g6e.2xlarge\t1\nfsx/scratch-2-ssd  0.10\n")
        .expect("writable");
    let plan = ran(at, &["plan", "--offline", "--prices", "ours.tsv"]).exits(0);
    assert!(
        plan.stdout.contains("1.00 USD") && plan.stdout.contains("120.00 USD") && plan.stdout.contains("16.00 USD"),
        "{plan}"
    );
    plan.says(&["2 prices from `ours.tsv`."]);
    fs::write(at.join("elsewhere.tsv"), "# region: eu-west-1\nec2/g6e.2xlarge 1\n").expect("writable");
    snapshot("prices-of-elsewhere", &ran(at, &["plan", "--offline", "--prices", "elsewhere.tsv"]).exits(0));
}

#[test]
fn a_bad_table_is_told_at_once() {
    let folder = folder(SPEC);
    let at = folder.path();
    fs::write(at.join("bad.tsv"), "ec2/g6e.2xlarge one\nfsx/scratch-2-sdd 0.1\nebs/gp3\n").expect("writable");
    let plan = ran(at, &["plan", "--offline", "--prices", "bad.tsv"]).exits(1);
    assert_eq!(plan.stdout, "");
    snapshot("prices-bad", &plan);
    snapshot("prices-missing", &ran(at, &["plan", "--offline", "--prices", "none.tsv"]).exits(1));
}

#[test]
fn a_newer_table_in_the_cache_is_used_and_a_broken_one_is_not() {
    let folder = folder(SPEC);
    let at = folder.path();
    let cache = at.join(".cache/provision/prices");
    fs::create_dir_all(&cache).expect("writable");
    let table = |date: &str| format!("# date: {date}\n# region: us-east-1\n# source: asked\nec2/g6e.2xlarge 7\n");
    fs::write(cache.join("us-east-1.tsv"), table("2026-11-23")).expect("writable");
    let plan = ran(at, &["plan", "--offline"]).exits(0).says(&[
        "prices of us-east-1, 2026-11-23",
        "Prices: asked.",
        "7.00 USD",
    ]);
    assert!(plan.stdout.contains("total, at least"), "what it has not is unknown: {plan}");
    fs::write(cache.join("us-east-1.tsv"), table("2020-01-01")).expect("writable");
    ran(at, &["plan", "--offline"]).exits(0).says(&["prices of us-east-1, 2025-10-16"]);
    fs::write(cache.join("us-east-1.tsv"), "nonsense").expect("writable");
    let plan =
        ran(at, &["plan", "--offline"]).exits(0).says(&["prices of us-east-1, 2025-10-16", "is no table of prices"]);
    assert!(!plan.stdout.contains("is no table"), "{plan}");
}

#[test]
fn a_budget_ends_a_plan_with_an_error() {
    let folder = folder(&SPEC.replace("region =", "budget = \"50 USD/day\"\nregion ="));
    snapshot("plan-budget", &ran(folder.path(), &["plan", "--offline"]).exits(1));
}

/// A stand-in for the Price List API: every question gets these products.
fn price_list(products: &[String]) -> String {
    let body = serde_json::json!({ "FormatVersion": "aws_v1", "PriceList": products }).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close\r\n";
            let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        }
    });
    format!("http://{address}")
}

fn asked(at: &Path, endpoint: &str, args: &[&str]) -> Ran {
    let mut command = provision(at);
    command.args(["prices", "update", "--region", "us-east-1", "--endpoint-url", endpoint]).args(args);
    run(command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret"))
}

#[test]
fn new_prices_are_asked_for_and_used() {
    let folder = folder(SPEC);
    let at = folder.path();
    let product = serde_json::json!({
        "product": { "attributes": { "instanceType": "g6e.2xlarge", "usagetype": "BoxUsage:g6e.2xlarge" } },
        "terms": { "OnDemand": { "A": { "priceDimensions": { "B": { "unit": "Hrs", "pricePerUnit": { "USD": "9.0000000000" } } } } } },
    });
    let endpoint = price_list(&[product.to_string()]);
    asked(at, &endpoint, &[]).exits(0).says(&["1 from AWS, 107 kept", ".cache/provision/prices/us-east-1.tsv"]);
    let plan = ran(at, &["plan", "--offline"]).exits(0).says(&["9.00 USD", "AWS Price List API"]);
    assert!(!plan.stdout.contains("total, at least"), "what AWS did not list is kept: {plan}");
    asked(at, &endpoint, &["--out", "table.tsv"]).exits(0);
    assert!(fs::read_to_string(at.join("table.tsv")).expect("written").contains("ec2/g6e.2xlarge\t9.00\n"));
    let nothing = price_list(&[]);
    snapshot("prices-update-nothing", &asked(at, &nothing, &[]).exits(1));
    snapshot("prices-update-nowhere", &asked(at, "http://127.0.0.1:1", &[]).exits(1));
}
