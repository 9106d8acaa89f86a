"""The gateway's openapi.json, which the gateway's own test holds to the code."""

import json

from .rules import Rules
from .tools import ROOT, jsonschema, openapi_schema

SUMMARY = "the gateway's openapi.json against the OpenAPI specification"
RULES = Rules()


class Api:
    def __init__(self) -> None:
        self.document = json.loads((ROOT / "crates/edge/gateway/openapi.json").read_text())

    @property
    def schemas(self) -> dict:
        return self.document["components"]["schemas"]


@RULES.rule(breaks=lambda api: api.document["paths"]["/v1/orders"]["post"].update(response={}))
def it_is_an_openapi_document(api):
    schema = json.loads(openapi_schema().read_text())
    for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(api.document):
        yield f"openapi.json: {error.json_path}: {error.message}"


@RULES.rule(breaks=lambda api: api.schemas["Line"]["properties"]["quantity"].update(type="int"))
def its_schemas_are_schemas(api):
    meta = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    for name, schema in api.schemas.items():
        for error in meta.iter_errors(schema):
            yield f"openapi.json: {name}: {error.json_path}: {error.message}"


@RULES.rule(breaks=lambda api: api.schemas["Order"]["examples"][0].update(total=13.3))
def its_examples_are_what_they_are_examples_of(api):
    for name, schema in api.schemas.items():
        whole = {"$ref": f"#/components/schemas/{name}", "components": api.document["components"]}
        for example in schema.get("examples", []):
            for error in jsonschema.Draft202012Validator(whole).iter_errors(example):
                yield f"openapi.json: an example of {name}: {error.json_path}: {error.message}"


def problems() -> list[str]:
    return RULES.problems(Api())
