//! The AWS Price List API: public prices on demand, of one region, as the items of our tables.
//!
//! Which product is which item: attributes as other programs that read the list use them; docs/cost.md says which of them
//! were seen in excerpts of the list. A product that fits no item, or that costs nothing, is left out.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_pricing::types::{Filter, FilterType};
use serde_json::Value;

use super::Aws;
use super::error::Explain as _;
use crate::catalog::prices::Usd;
use crate::cloud::CloudError;

/// GetProducts gives so many at most (API model 2017-10-15: MaxResults).
const PRODUCTS_A_PAGE: i32 = 100;

/// The region to ask for prices of another: the API lives in three (AWS Billing, "Price List Query API endpoints").
pub(super) fn endpoint_region(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("ap") => "ap-south-1",
        Some("eu" | "il" | "me" | "af") => "eu-central-1",
        _ => "us-east-1",
    }
}

/// The item of our tables that a product is, by its attributes and the unit of its price.
type Naming = fn(attributes: &Value, unit: &str) -> Option<String>;

/// What to ask for, and what to make of the answer.
struct Question {
    service: &'static str,
    filters: &'static [(&'static str, &'static str)],
    naming: Naming,
}

/// Lustre file systems, gp3 volumes, instances on demand with Linux.
const QUESTIONS: [Question; 3] = [
    Question { service: "AmazonFSx", filters: &[("fileSystemType", "Lustre")], naming: lustre_item },
    Question {
        service: "AmazonEC2",
        filters: &[("productFamily", "Storage"), ("volumeApiName", "gp3")],
        naming: gp3_item,
    },
    Question {
        service: "AmazonEC2",
        filters: &[
            ("operatingSystem", "Linux"),
            ("tenancy", "Shared"),
            ("preInstalledSw", "NA"),
            ("capacitystatus", "Used"),
            ("marketoption", "OnDemand"),
        ],
        naming: instance_item,
    },
];

/// What the list says of a region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList {
    pub region: String,
    /// By the names of our tables.
    pub items: BTreeMap<String, Usd>,
    /// Items with more than one price: none of them is taken.
    pub unclear: BTreeSet<String>,
}

impl Aws {
    /// Asks for everything that a plan may count.
    pub async fn price_list(&self) -> Result<PriceList, CloudError> {
        let mut list = PriceList { region: self.region.clone(), ..PriceList::default() };
        for question in QUESTIONS {
            self.products(&question, &mut list).await?;
        }
        for item in &list.unclear {
            list.items.remove(item);
        }
        Ok(list)
    }

    async fn products(&self, question: &Question, list: &mut PriceList) -> Result<(), CloudError> {
        let Question { service, filters, naming } = question;
        let of_region = [("regionCode", self.region.as_str())];
        let filters = of_region.iter().chain(*filters).filter_map(|(field, value)| {
            Filter::builder().r#type(FilterType::TermMatch).field(*field).value(*value).build().ok()
        });
        let mut pages = self
            .pricing
            .get_products()
            .service_code(*service)
            .set_filters(Some(filters.collect()))
            .format_version("aws_v1")
            .max_results(PRODUCTS_A_PAGE)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.look("pricing:GetProducts")?;
            for product in page.price_list() {
                let Some((item, price)) = read(product, *naming) else { continue };
                if list.items.insert(item.clone(), price).is_some_and(|other| other != price) {
                    list.unclear.insert(item);
                }
            }
        }
        Ok(())
    }
}

/// A product's item and its one price on demand; None: it is none that we know, or has no such price.
fn read(product: &str, naming: Naming) -> Option<(String, Usd)> {
    let product: Value = serde_json::from_str(product).ok()?;
    let terms = product["terms"]["OnDemand"].as_object()?;
    let mut dimensions =
        terms.values().filter_map(|term| term["priceDimensions"].as_object()).flat_map(|all| all.values());
    let dimension = dimensions.next()?;
    // Prices in steps are none that a plan could count with.
    if dimensions.next().is_some() {
        return None;
    }
    let item = naming(&product["product"]["attributes"], dimension["unit"].as_str()?)?;
    let price = Usd::parse(dimension["pricePerUnit"]["USD"].as_str()?)?;
    (price > Usd::ZERO).then_some((item, price))
}

fn lustre_item(attributes: &Value, unit: &str) -> Option<String> {
    if attributes["fileSystemType"] != "Lustre" {
        return None;
    }
    let usage = usage(attributes)?;
    match (unit, usage.split('.').collect::<Vec<_>>().as_slice()) {
        ("GB-Mo", ["Storage"]) if attributes["storageType"] == "SSD" => Some("fsx/scratch-2-ssd".to_owned()),
        ("GB-Mo", ["Storage", "SSD", rate @ ("50" | "100" | "200")]) => Some(format!("fsx/persistent-1-ssd/{rate}")),
        ("GB-Mo", ["Storage", "SSD", rate @ ("125" | "250" | "500" | "1000")]) => {
            Some(format!("fsx/persistent-2-ssd/{rate}"))
        }
        ("GB-Mo", ["Storage", "HDD", rate @ ("12" | "40")]) => Some(format!("fsx/persistent-1-hdd/{rate}")),
        ("IOPS-Mo", _) => Some("fsx/metadata-iops".to_owned()),
        ("MiBps-Mo", _) => Some("fsx/it/throughput".to_owned()),
        _ => None,
    }
}

fn gp3_item(attributes: &Value, unit: &str) -> Option<String> {
    let is_volume =
        attributes["volumeApiName"] == "gp3" && unit == "GB-Mo" && usage(attributes)? == "EBS:VolumeUsage.gp3";
    is_volume.then(|| "ebs/gp3".to_owned())
}

fn instance_item(attributes: &Value, unit: &str) -> Option<String> {
    let instance = attributes["instanceType"].as_str()?;
    // Reserved capacity that stands empty, dedicated hosts and the like bear other words.
    let is_on_demand = unit == "Hrs" && usage(attributes)? == format!("BoxUsage:{instance}");
    is_on_demand.then(|| format!("ec2/{instance}"))
}

/// `EUC1-BoxUsage:p5.48xlarge` without the code of the region, which us-east-1 may lack.
fn usage(attributes: &Value) -> Option<&str> {
    let text = attributes["usagetype"].as_str()?;
    match text.split_once('-') {
        Some((code, usage)) if code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) => {
            Some(usage)
        }
        Some(_) | None => Some(text),
    }
}
