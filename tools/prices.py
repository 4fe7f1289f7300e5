#!/usr/bin/env python3
"""Cuts src/catalog/data/prices/<region>.tsv from files that AWS publishes and others keep, and names each source with its day.

    python3 tools/prices.py FSX_JSON EC2_JSON KARPENTER_GO

FSX_JSON      AWS's own file behind its price page, `pricing/2.0/meteredUnitMaps/fsx/USD/current/fsx.json`; its manifest
              has its day. Kept at github.com/lamngockhuong/aws-price, lib/data/pricing/fsx.json.
EC2_JSON      on-demand prices for Linux out of the same kind of file: lib/data/pricing/ec2-transformed.json there.
KARPENTER_GO  prices of us-east-1 that github.com/aws/karpenter-provider-aws generates from the Price List API:
              pkg/providers/pricing/zz_generated.pricing_aws.go; its head has its day.

What no source has stays out: unknown is unknown. No price is computed, scaled or carried over from another region.
"""

import json
import pathlib
import re
import sys

DATA = pathlib.Path(__file__).parent.parent / "src/catalog/data"

# AWS's name of a region in those files.
REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-2": "US West (Oregon)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-north-1": "EU (Stockholm)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
}

# EC2_JSON: the day it was stored. It turns the names that it does not know into a slug.
EC2_DATE = "2025-11-03"
EC2_NAMES = {
    "ca-central-1": "canada-(central)",
    "eu-north-1": "eu-(stockholm)",
    "ap-northeast-2": "asia-pacific-(seoul)",
    "ap-south-1": "asia-pacific-(mumbai)",
}

# FSX_JSON keys prices by a code that is the same in all regions. Which code is which: by the price in us-east-1, known
# from the price page and from tables of 2026-09-10. Where several codes have that price, the others are told apart by
# regions or are equal everywhere:
# - 0.14: `xsOx` belongs to the older SSD types (50, 100, 200), with 0.19 and 0.29; `6F5Y`, the only other one, is scratch
# - 0.52: `eTIM` and `rUJ8` are twice the 0.26 of FSx for OpenZFS in every region; `Orhq`, the third, is Lustre's
# - intelligent-tiering: of codes with one price, one that is sold in Stockholm, London and Seoul, where OpenZFS's is not
FSX = {
    "fsx/scratch-2-ssd": "6F5Y8-LR",
    "fsx/persistent-1-ssd/50": "xsOx6wDn",
    "fsx/persistent-1-ssd/100": "xCIN2wzi",
    "fsx/persistent-1-ssd/200": "tRaJtnmZ",
    "fsx/persistent-1-hdd/12": "CFxfkVZ1",
    "fsx/persistent-1-hdd/40": "JZnWfFyH",
    "fsx/persistent-1-hdd/12/read-cache": "6yBIQBKw",
    "fsx/persistent-1-hdd/40/read-cache": "tMNn_IA0",
    "fsx/persistent-2-ssd/125": "zgFPJ0cU",
    "fsx/persistent-2-ssd/250": "yMXUnsAV",
    "fsx/persistent-2-ssd/500": "JCLdXKhp",
    "fsx/persistent-2-ssd/1000": "SJkcZfTt",
    "fsx/metadata-iops": "9sbTjDzj",
    "fsx/it/throughput": "Orhq-KzK",
    "fsx/it/frequent": "V3JbT1jc",
    "fsx/it/infrequent": "h3aJiLOE",
    "fsx/it/archive": "f_gIahfo",
    "fsx/it/read-cache": "BpU1C8Jp",
    "fsx/it/monitoring": "3AsiBXEH",
}
# gp3, a GB and month, as quoted from the AWS price list in public repositories; regions without a quote stay out.
GP3 = {
    "us-east-1": ("0.08", "AWS price list, quoted 2026-07"),
    "us-east-2": ("0.08", "AWS price list, effective 2023-03-01"),
    "eu-central-1": ("0.0952", "AWS price list 20260903195206"),
    "us-west-2": ("0.08", "AWS price list of 2026-10-04"),
    "eu-north-1": ("0.0836", "AWS Price List API, effective 2026-10-01"),
    "eu-west-2": ("0.0928", "AWS price list of 2026-09-25"),
    "ap-south-1": ("0.0912", "AWS price list, quoted 2026"),
    "eu-west-1": ("0.088", "GetProducts, quoted 2026"),
    "ap-northeast-1": ("0.096", "AWS price list 20260910195514"),
    "ap-southeast-1": ("0.096", "AWS price list, quoted 2026"),
}
# Of us-east-1 only, from tables of 2026-09-10.
HOME = {
    "fsx/it/reads-1000": "0.0004",
    "fsx/it/writes-1000": "0.005",
    "ec2/public-ipv4": "0.005",
    "transfer/cross-zone-gb": "0.01",
}


def decimal(text):
    """No zeros at the end, but for two places at least; six places hold every price here."""
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    assert len(part) <= 6, text
    return f"{whole}.{part.ljust(2, '0')}"


def accelerated():
    rows = (line.split("\t") for line in (DATA / "instances.tsv").read_text().splitlines() if not line.startswith("#"))
    return sorted(row[0] for row in rows if int(row[4]) > 0)


def main(fsx_path, ec2_path, karpenter_path):
    fsx = json.loads(pathlib.Path(fsx_path).read_text())
    fsx_date = fsx["manifest"]["hawkFilePublicationDate"][:10]
    ec2 = {(row["region"], row["attributes"]["instanceType"]): row["pricePerUnit"] for row in json.loads(pathlib.Path(ec2_path).read_text())}
    karpenter_text = pathlib.Path(karpenter_path).read_text()
    karpenter_date = re.search(r"generated at (\d{4}-\d\d-\d\d)", karpenter_text)[1]
    karpenter = dict(re.findall(r'"([a-z0-9-]+\.[a-z0-9-]+)":\s*([0-9.]+)', karpenter_text))
    for region, name in REGIONS.items():
        items = {}
        of_region = fsx["regions"][name]
        for item, code in FSX.items():
            found = {rate["price"] for key, rate in of_region.items() if key.startswith(code)}
            assert len(found) <= 1, (region, item, found)
            items.update({item: decimal(price) for price in found})
        sources = [f"FSx: AWS's price file of {fsx_date}, kept in lamngockhuong/aws-price"]
        days = [f"FSx {fsx_date}"]
        if region == "us-east-1":
            for instance in accelerated():
                if instance in karpenter:
                    items[f"ec2/{instance}"] = decimal(karpenter[instance])
            sources.append(f"EC2: AWS Price List API of {karpenter_date}, by aws/karpenter-provider-aws")
            days.append(f"EC2 {karpenter_date}")
            items.update(HOME)
            sources.append("IPv4, transfer and requests: tables of 2026-09-10")
        else:
            for instance in accelerated():
                price = ec2.get((EC2_NAMES.get(region, region), instance))
                if price:
                    items[f"ec2/{instance}"] = decimal(price)
            sources.append(f"EC2: AWS's price file as stored on {EC2_DATE} in lamngockhuong/aws-price")
            days.append(f"EC2 {EC2_DATE}")
        if region in GP3:
            items["ebs/gp3"], source = GP3[region]
            sources.append(f"gp3: {source}")
        assert all(float(price) > 0 for price in items.values()), region
        lines = [
            f"# date: {min(fsx_date, EC2_DATE, karpenter_date)}",
            f"# region: {region}",
            f"# source: AWS price lists kept in public repositories ({', '.join(days)})",
            *(f"#   {source}" for source in sources),
            "# Linux, shared tenancy, before tax and discounts; the date is that of the oldest source. Made by tools/prices.py.",
            "# item\tUSD",
        ]
        lines += [f"{item}\t{items[item]}" for item in sorted(items)]
        (DATA / "prices" / f"{region}.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
