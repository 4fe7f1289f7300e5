#!/usr/bin/env python3
"""Lints IAM policies with parliament: lint_policy.py FILE… prints what it finds, and exits with 1 if that is anything.

Left out is RESOURCE_MISMATCH: parliament wants all types of resources that an action needs in one statement. Ours have one
statement for each condition, as AWS advises; `permissions::check` sees that every type is allowed in one of them. So is
what it says of kms:ResourceAliases, a key of 2021 that its data (of 2025-04) lacks: KMS Developer Guide, "kms:ResourceAliases".
"""

import importlib.util
import pathlib
import sys
import types

# parliament asks setuptools where its data is, by a module that setuptools has had no more since version 82.
resources = types.ModuleType("pkg_resources")
resources.resource_filename = lambda package, name: str(
    pathlib.Path(importlib.util.find_spec(package).origin).parent / name
)
sys.modules.setdefault("pkg_resources", resources)

from parliament import analyze_policy_string  # noqa: E402

LEFT_OUT = {"RESOURCE_MISMATCH"}
NOT_KNOWN = "Unknown condition kms:ResourceAliases "


def main() -> int:
    found = [
        f"{path}: {finding.issue} {finding.detail or finding.title} at {finding.location}"
        for path in sys.argv[1:]
        for finding in analyze_policy_string(pathlib.Path(path).read_text(), ignore_private_auditors=True).findings
        if finding.issue not in LEFT_OUT and not str(finding.detail).startswith(NOT_KNOWN)
    ]
    print("\n".join(found) or "parliament finds nothing.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
