#!/usr/bin/env python3
"""Cuts src/catalog/data/instances.tsv from AWS's own answer to DescribeInstanceTypes, as the Apache-2.0 package moto ships it.

    pip install moto==5.2.1
    python3 tools/instance_types.py 2026-11-22 > src/catalog/data/instances.tsv

The argument is the day of the cut; it goes into the header, so that the same input gives the same bytes.
What moto does not know (Nitro generations, types it lacks, one wrong memory size) stands in the tables below.
"""

import gzip
import importlib.metadata
import json
import pathlib
import sys

import moto

# Nitro generation of a family. The accelerated ones: EC2 fact sheet of November 2026. The others: the EC2 instance type
# guide's platform summaries from memory, so a family in doubt is left out, which reads as "no Lustre over EFA" (a warning).
NITRO = {
    3: "p3dn p4d p4de g4ad g4dn g5 g5g inf1 dl1 vt1 c5n c6gn m5dn m5n m5zn r5dn r5n i3en",
    4: "p5 p5e g6 g6e g6f gr6 gr6f trn1 trn1n inf2 f2 c6in c7a c7g c7gd c7i m6idn m6in m7a m7g m7gd m7i r6idn r6in r7a r7g r7gd r7i"
    " r7iz hpc6id hpc7a",
    5: "p5en p6e-gb200 trn2 c7gn c8g c8gd m8g m8gd r8g r8gd x8g i7ie i8g i8ge hpc7g",
    6: "g7e p6-b200 p6-b300 c8a c8gb c8gn c8i c8ib c8id c8in m8a m8azn m8gb m8gn m8i m8ib m8id m8in r8a r8gb r8gn r8i r8ib r8id r8in x8aedz x8i hpc8a",
}
NITRO_OF = {family: generation for generation, families in NITRO.items() for family in families.split()}

# EFA starts at this network card where that is not card 0.
EFA_FIRST_CARD = {"p6-b300.48xlarge": 1, "p6e-gb200.36xlarge": 1}
# Families whose interfaces may be `efa-only` (EC2 guide, "EFA on accelerated instance types").
EFA_ONLY = set("p4d p4de p5 p5e p5en p6-b200 p6-b300 p6e-gb200 g5 g6 g6e g7e gr6 trn1 trn1n trn2".split())
# 1.5 TB for 16 devices; the data says 512 GiB for each, which cannot be.
ACCELERATOR_MIB = {"Trainium2": 98304}

# Not in the data. p3: general knowledge; p6e-gb200: sizes unverified, cards from the EC2 guide (17 cards, EFA on 1, 5, 9, 13).
EXTRA = [
    "p3.2xlarge\tx86_64\t8\t62464\t1\tV100\t16384\t1\t4\t0\t0\t0\t0\t0\t-\t0\t1\t0\t1",
    "p3.8xlarge\tx86_64\t32\t249856\t4\tV100\t16384\t1\t8\t0\t0\t0\t0\t0\t-\t0\t1\t0\t1",
    "p3.16xlarge\tx86_64\t64\t499712\t8\tV100\t16384\t1\t8\t0\t0\t0\t0\t0\t-\t0\t1\t0\t1",
    "p6e-gb200.36xlarge\tarm64\t144\t983040\t4\tGB200\t189440\t17\t2\t4\t1\t1\t3\t7500\t5\t1\t1\t1\t0",
]

COLUMNS = (
    "name architecture vcpus memory_mib accelerators accelerator accelerator_mib cards interfaces_per_card efa efa_first_card"
    " efa_only nvme nvme_gb nitro lustre_efa cluster_placement capacity_block spot"
)


def accelerator(facts):
    """Count, name and MiB each; a part of a GPU counts as one."""
    for group, key in (
        ("GpuInfo", "Gpus"),
        ("NeuronInfo", "NeuronDevices"),
        ("InferenceAcceleratorInfo", "Accelerators"),
        ("MediaAcceleratorInfo", "Accelerators"),
        ("FpgaInfo", "Fpgas"),
    ):
        for device in facts.get(group, {}).get(key, []):
            name = device["Name"]
            memory = ACCELERATOR_MIB.get(name, device["MemoryInfo"]["SizeInMiB"])
            return device["Count"] or device["LogicalGpuCount"], name, memory
    return 0, "-", 0


def local_nvme(facts):
    store = facts.get("InstanceStorageInfo", {})
    disks = [disk for disk in store.get("Disks", []) if disk["Type"] == "ssd"]
    if store.get("NvmeSupport") != "required" or not disks:
        return 0, 0
    return disks[0]["Count"], disks[0]["SizeInGB"]


def row(name, facts):
    family = name.split(".")[0]
    network = facts["NetworkInfo"]
    efa = network.get("EfaInfo", {}).get("MaximumEfaInterfaces", 0)
    nitro = NITRO_OF.get(family)
    usage = facts["SupportedUsageClasses"]
    architecture = [each for each in facts["ProcessorInfo"]["SupportedArchitectures"] if each != "i386"][0]
    # FSx guide, "EFA-enabled file systems": clients are Nitro v4 and later with EFA, but for trn2.
    lustre_efa = efa > 0 and nitro is not None and nitro >= 4 and family != "trn2"
    return [
        name, architecture, facts["VCpuInfo"]["DefaultVCpus"], facts["MemoryInfo"]["SizeInMiB"], *accelerator(facts),
        len(network["NetworkCards"]), network["NetworkCards"][0]["MaximumNetworkInterfaces"], efa,
        EFA_FIRST_CARD.get(name, 0), int(efa > 0 and family in EFA_ONLY), *local_nvme(facts), nitro or "-",
        int(lustre_efa), int("cluster" in facts["PlacementGroupInfo"]["SupportedStrategies"]),
        int("capacity-block" in usage), int("spot" in usage),
    ]  # fmt: skip


def main():
    source = pathlib.Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"
    types = json.loads(gzip.decompress(source.read_bytes()))
    lines = ["\t".join(map(str, row(name, facts))) for name, facts in types.items()]
    lines += [extra for extra in EXTRA if extra.split("\t")[0] not in types]
    print(f"# date: {sys.argv[1]}")
    print(f"# source: DescribeInstanceTypes as shipped with moto {importlib.metadata.version('moto')} (Apache-2.0),")
    print("# cut by tools/instance_types.py, which also holds what is added to it")
    print("# " + "\t".join(COLUMNS.split()))
    print("\n".join(sorted(lines, key=lambda line: line.split("\t")[0])))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
