#!/usr/bin/env python3
"""Validates JSON files against a JSON Schema: check_json.py SCHEMA FILE… prints what is wrong, and exits with 1 if anything is.

Keys that the schema does not name are wrong here, though readers must bear them: else a schema that forgets one stays unseen.
"""

import json
import pathlib
import sys

import jsonschema


def closed(schema):
    """The schema, with no keys but those that it names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    return schema


def main() -> int:
    schema = closed(json.loads(pathlib.Path(sys.argv[1]).read_text()))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    found = [
        f"{path}: {error.json_path}: {error.message[:300]}"
        for path in sys.argv[2:]
        for error in validator.iter_errors(json.loads(pathlib.Path(path).read_text()))
    ]
    print("\n".join(found) or "The JSON is as the schema says.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
