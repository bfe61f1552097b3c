"""The policy document for others: its JSON Schema, for editors, and a document as YAML that people can read on."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from models.policy.schema import Policy

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_WIDTH: Final = 120
_ONE_LINE: Final = 90
# where a sentence of a docstring ends
_SENTENCE: Final = re.compile(r"(?<=\.)\s+(?=[A-Z`])")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of policy documents.

    What the reader checks beyond it (ids that are taken, templates, patterns) a schema can't say. On one thing it is
    stricter: a condition may not name a second trigger as null.
    """
    schema = Policy.model_json_schema(by_alias=True, schema_generator=_Untitled)
    definitions = schema["$defs"]
    parts = {"Policy": schema, **definitions}
    for model in _models(Policy):
        _explain(parts.get(model.__name__, {}), inspect.getdoc(model) or "")
    trigger = definitions.pop("Condition") | {"minProperties": 1, "maxProperties": 1}
    short = {"anyOf": [{"$ref": "#/$defs/Trigger"}, {"$ref": "#/$defs/Context"}], "description": trigger["description"]}
    definitions |= {"Trigger": trigger, "Condition": short}
    return {"$schema": DIALECT, **schema, "title": "Baton policy"}


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML: what is short in one line, and words in quotes that would be read as something else."""
    text: str = yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text


class _Untitled(GenerateJsonSchema):
    """Without titles that only repeat the fields' names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - an override
        """Leave the title of a field out."""
        return False


class _Dumper(yaml.SafeDumper):
    """Writes what the reader of policies reads back."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - an override
        """Write everything out: the reader takes no aliases."""
        return True

    def serialize(self, node: yaml.Node) -> None:
        """Write the document itself line by line."""
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = False
        super().serialize(node)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:  # noqa: FBT001, ARG002
        """Write a mapping in one line if it is short."""
        return super().represent_mapping(tag, mapping, flow_style=_is_short(mapping))

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:  # noqa: FBT001, ARG002
        """Write words side by side, and phrases too if they fit into one line; parts below each other."""
        words = all(isinstance(item, str) and " " not in item for item in sequence)
        parts = any(isinstance(item, dict) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=not parts and (words or _is_short(sequence)))


# numbers to the reader, though not to YAML
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^-?[0-9]+(?:\.[0-9]+)?[eE][-+]?[0-9]+$"), list("-0123456789")
)


def _is_short(value: Any) -> bool:
    return len(json.dumps(value, ensure_ascii=False, default=list)) <= _ONE_LINE


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model and all that its fields may hold."""
    known: dict[type[BaseModel], None] = {}
    waiting: list[Any] = [model]
    while waiting:
        found = waiting.pop()
        if isinstance(found, type) and issubclass(found, BaseModel):
            if found not in known:
                known[found] = None
                waiting.extend(field.annotation for field in found.model_fields.values())
        else:
            waiting.extend(getattr(found, "__args__", ()))
    yield from known


def _explain(schema: dict[str, Any], text: str) -> None:
    """Give a part its docstring, and each of its fields the sentences of it that name the field."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    schema["description"] = "\n\n".join(paragraphs).replace("``", "`")
    sentences = [sentence for part in paragraphs for sentence in _SENTENCE.split(part)]
    for name, field in schema.get("properties", {}).items():
        told = " ".join(sentence for sentence in sentences if f"``{name}``" in sentence)
        if told:
            field["description"] = told.replace("``", "`")
