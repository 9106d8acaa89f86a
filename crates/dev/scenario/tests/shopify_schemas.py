"""Holds webhooks against the JSON schemas of npm's shopify-webhook-schemas: shopify_schemas.py DIRECTORY.

Reads a line of JSON for each webhook: its topic and its body. Writes a line for each: `ok`, or what the schema refuses.
"""

import json
import pathlib
import sys

import jsonschema

VERSION = "2026-07"

schemas = pathlib.Path(sys.argv[1], "package", "schemas", VERSION)


def schema(topic):
    return json.loads((schemas / f"{topic}.json").read_text())


def validator(topic):
    described = schema(topic)
    refunds = described["properties"].get("refunds")
    if refunds is not None:
        # The schema was inferred from orders without refunds, so it allows none.
        assert refunds == {"items": False, "type": "array"}, refunds
        refunds["items"] = schema("refunds/create")
    kind = jsonschema.Draft202012Validator
    kind.check_schema(described)
    return kind(described, format_checker=kind.FORMAT_CHECKER)


validators = {}
for line in sys.stdin:
    word = json.loads(line)
    topic = word["topic"]
    if topic not in validators:
        validators[topic] = validator(topic)
    errors = [f"{error.json_path}: {error.message[:200]}" for error in validators[topic].iter_errors(word["body"])]
    print("; ".join(errors) or "ok", flush=True)
