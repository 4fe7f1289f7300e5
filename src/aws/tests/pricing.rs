//! The shape of a product is that of the AWS CLI's example of `pricing get-products`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wire::Wire;
use crate::catalog::prices::Usd;
use crate::cloud::Class;

fn product(service: &str, unit: &str, price: &str, attributes: &Value) -> String {
    json!({
        "product": { "productFamily": "Storage", "attributes": attributes, "sku": "3MKHN58N7RDDVGKJ" },
        "serviceCode": service,
        "terms": { "OnDemand": { "3MKHN58N7RDDVGKJ.JRTCKXETXF": {
            "priceDimensions": { "3MKHN58N7RDDVGKJ.JRTCKXETXF.6YS6EN2CT7": {
                "unit": unit, "beginRange": "0", "endRange": "Inf", "description": "…", "appliesTo": [],
                "rateCode": "3MKHN58N7RDDVGKJ.JRTCKXETXF.6YS6EN2CT7", "pricePerUnit": { "USD": price },
            } },
            "sku": "3MKHN58N7RDDVGKJ", "effectiveDate": "2026-11-01T00:00:00Z", "offerTermCode": "JRTCKXETXF", "termAttributes": {},
        } } },
        "version": "20261101000000", "publicationDate": "2026-11-01T00:00:00Z",
    })
    .to_string()
}

fn lustre(usage: &str, unit: &str, price: &str) -> String {
    let attributes = json!({
        "fileSystemType": "Lustre", "storageType": "SSD", "regionCode": "us-east-1", "servicecode": "AmazonFSx",
        "operation": "CreateFileSystem:Lustre", "usagetype": usage,
    });
    product("AmazonFSx", unit, price, &attributes)
}

fn instance(usage: &str, price: &str) -> String {
    let attributes =
        json!({ "instanceType": "p5.48xlarge", "usagetype": usage, "operatingSystem": "Linux", "tenancy": "Shared" });
    product("AmazonEC2", "Hrs", price, &attributes)
}

fn gp3() -> String {
    product(
        "AmazonEC2",
        "GB-Mo",
        "0.0800000000",
        &json!({ "volumeApiName": "gp3", "usagetype": "EBS:VolumeUsage.gp3" }),
    )
}

fn page(products: &[String], next: Option<&str>) -> String {
    json!({ "FormatVersion": "aws_v1", "PriceList": products, "NextToken": next }).to_string()
}

#[tokio::test]
async fn a_region_is_asked_for_over_all_pages() {
    let wire = Wire::new()
        .reply(
            "GetProducts",
            200,
            page(
                &[
                    lustre("USE1-Storage", "GB-Mo", "0.1400000000"),
                    lustre("USE1-Storage.SSD.250", "GB-Mo", "0.2100000000"),
                ],
                Some("more"),
            ),
        )
        .reply(
            "GetProducts",
            200,
            page(
                &[
                    lustre("Storage.SSD.50", "GB-Mo", "0.1400000000"),
                    lustre("USE1-AnyIOPS", "IOPS-Mo", "0.0550000000"),
                    lustre("USE1-Any", "MiBps-Mo", "0.5200000000"),
                ],
                None,
            ),
        )
        .reply("GetProducts", 200, page(&[gp3()], None))
        .reply("GetProducts", 200, page(&[instance("BoxUsage:p5.48xlarge", "55.0400000000")], Some("more")))
        .reply("GetProducts", 200, page(&[], None));
    let list = wire.aws().price_list().await.expect("all pages are answered");
    let found: Vec<(&str, i64)> = list.items.iter().map(|(item, price)| (item.as_str(), price.micros())).collect();
    assert_eq!(
        found,
        [
            ("ebs/gp3", 80_000),
            ("ec2/p5.48xlarge", 55_040_000),
            ("fsx/it/throughput", 520_000),
            ("fsx/metadata-iops", 55_000),
            ("fsx/persistent-1-ssd/50", 140_000),
            ("fsx/persistent-2-ssd/250", 210_000),
            ("fsx/scratch-2-ssd", 140_000),
        ]
    );
    assert_eq!(list.unclear, BTreeSet::new());
    insta::assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn what_is_no_item_of_ours_is_left_out() {
    let mut backup = serde_json::from_str::<Value>(&lustre("USE1-BackupUsage", "GB-Mo", "0.05")).expect("JSON");
    backup["terms"]["Reserved"] = json!({});
    let mut steps: Value = serde_json::from_str(&lustre("USE1-Storage.SSD.500", "GB-Mo", "0.34")).expect("JSON");
    steps["terms"]["OnDemand"]["3MKHN58N7RDDVGKJ.JRTCKXETXF"]["priceDimensions"]["second"] =
        json!({ "unit": "GB-Mo", "beginRange": "10", "pricePerUnit": { "USD": "0.3" } });
    let wire = Wire::new()
        .reply(
            "GetProducts",
            200,
            page(
                &[
                    backup.to_string(),
                    steps.to_string(),
                    "not JSON".to_owned(),
                    "{}".to_owned(),
                    lustre("USE1-Storage.SSD.777", "GB-Mo", "0.5"),
                    lustre("USE1-Storage.SSD.125", "GB-Mo", "0.0000000000"),
                    lustre("USE1-Storage.SSD.1000", "GB-Mo", "0.6"),
                    lustre("USE1-Storage.SSD.1000", "GB-Mo", "0.7"),
                    lustre("USE1-Storage", "GB-Mo", "0.14").replace("Lustre", "Windows"),
                ],
                None,
            ),
        )
        .reply("GetProducts", 200, page(&[], None))
        .reply(
            "GetProducts",
            200,
            page(
                &[
                    instance("UnusedBox:p5.48xlarge", "55.04"),
                    instance("Reservation:p5.48xlarge", "0.0"),
                    instance("USE1-ATL2-BoxUsage:p5.48xlarge", "70"),
                ],
                None,
            ),
        );
    let list = wire.aws().price_list().await.expect("all pages are answered");
    assert_eq!(list.items, std::collections::BTreeMap::<String, Usd>::new());
    assert_eq!(list.unclear, BTreeSet::from(["fsx/persistent-2-ssd/1000".to_owned()]), "two prices are none");
}

#[tokio::test(start_paused = true)]
async fn throttling_is_told() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        wire = wire.json_error("GetProducts", 400, "ThrottlingException", "Rate exceeded");
    }
    let error = wire.aws().price_list().await.expect_err("throttled");
    assert_eq!(error.class, Class::Throttled);
    assert_eq!(error.to_string(), "pricing:GetProducts: Rate exceeded (ThrottlingException, request r-1)");
}

#[test]
fn the_api_lives_in_three_regions() {
    use crate::aws::pricing::endpoint_region;
    let asked = ["us-west-2", "ca-central-1", "eu-north-1", "ap-northeast-1", "sa-east-1"].map(endpoint_region);
    assert_eq!(asked, ["us-east-1", "us-east-1", "eu-central-1", "ap-south-1", "us-east-1"]);
}
