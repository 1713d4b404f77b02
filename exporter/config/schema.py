"""The configuration file as a JSON Schema, with which editors complete keys and mark mistakes.

It refuses less than reading does: editors cannot check what depends on files, on the vendor's limits and on most
other keys. What it refuses, reading refuses as well.
"""

import ast
import inspect
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from exporter.config.accounts import LIKE_AN_ID, Account, Polled
from exporter.config.checks import SWITCHES, models_in, words_of
from exporter.config.credentials import AccessKeyCredentials
from exporter.config.models import Configuration
from exporter.config.vocabulary import Vocabulary

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(*, vocabulary: Vocabulary) -> dict[str, Any]:
    """The schema, draft 2020-12, as plain values; its key order is that of the models."""
    generated = Configuration.model_json_schema(schema_generator=_Generator)
    definitions = generated.pop("$defs")
    for model in _models(Configuration):
        schema = generated if model is Configuration else definitions[model.__name__]
        docstrings = _docstrings(model)
        for name, field in model.model_fields.items():
            words = words_of(field)
            said = (docstrings.get(name), f"Accepted: {words}." if words else None)
            schema["properties"][field.alias or name]["description"] = " ".join(filter(None, said))
        if "type" in model.model_fields:
            schema["properties"]["type"]["description"] = schema["description"]
            schema["required"] = list(dict.fromkeys(["type", *schema.get("required", [])]))
        schema.update(_RULES.get(model, {}))
        if issubclass(model, Polled):
            schema["properties"] = dict(_with_words(schema["properties"], vocabulary, model))
    heads = {"$schema": DIALECT, "title": "dcdn-exporter", "description": "The configuration file of dcdn-exporter."}
    return {**_plain(generated), **heads, "$defs": _plain(definitions)}


def _docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """The docstrings below the fields of the model, read from its source only when a schema is made."""
    (definition,) = ast.parse(inspect.getsource(model)).body
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in itertools.pairwise(definition.body if isinstance(definition, ast.ClassDef) else ())
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _with_words(
    properties: Mapping[str, Any], vocabulary: Vocabulary, model: type[BaseModel]
) -> Iterator[tuple[str, Any]]:
    """The keys of a section that says what to poll, with the names of the vocabulary."""
    whole = model is Configuration
    for key, value in properties.items():
        if key == SWITCHES:
            off, unless = ({"default": False}, "") if whole else ({}, " Not given: as the file says for all.")
            for switch, sentence in vocabulary.switches.items():
                words = f"{sentence}{unless} Accepted: true or false."
                yield switch, {**off, "type": "boolean", "description": words}
            continue
        if key == "products":
            value["items"] = {"enum": list(vocabulary.products), **value["items"]}
        elif key == "labels":
            value["propertyNames"] = {"not": {"enum": sorted(vocabulary.forbidden_labels)}, **value["propertyNames"]}
        yield key, {"default": [vocabulary.products[0]], **value} if key == "products" and whole else value


def _exactly_one(key: str) -> dict[str, Any]:
    return {"oneOf": [{"required": [key]}, {"required": [f"{key}_file"]}]}


# Rules between keys.
_RULES: Mapping[type[BaseModel], Mapping[str, Any]] = {
    AccessKeyCredentials: {
        "allOf": [
            _exactly_one("access_key_id"),
            _exactly_one("access_key_secret"),
            {"not": {"required": ["security_token", "security_token_file"]}},
        ]
    },
    # A name like an id needs the id, at least in the ARN of a role; a schema cannot compare the two.
    Account: {
        "if": {
            "properties": {"name": {"type": "string", "pattern": f"^{LIKE_AN_ID.pattern}$"}},
            "required": ["name"],
        },
        "then": {
            "anyOf": [
                {"required": ["account_id"]},
                {"properties": {"credentials": {"required": ["role_arn"]}}, "required": ["credentials"]},
            ]
        },
    },
    Configuration: {
        "anyOf": [
            {"properties": {"accounts": {"minItems": 1}}, "required": ["accounts"]},
            {
                "properties": {
                    "discovery": {
                        "properties": {"resource_directories": {"minItems": 1}},
                        "required": ["resource_directories"],
                    }
                },
                "required": ["discovery"],
            },
        ]
    },
}


class _Generator(GenerateJsonSchema):
    """Leaves out null: a key in the file always has a value."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from _models(inner)


def _plain(node: Any) -> Any:
    """The same without pydantic's titles and discriminators."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if key not in {"title", "discriminator"}}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return node
