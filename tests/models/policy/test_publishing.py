"""The policy document for others: the JSON Schema that editors use, and YAML that people read."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.policy.publishing import DIALECT, json_schema, to_yaml
from models.policy.reading import read
from models.policy.schema import PRESETS, Policy, parse_policy, preset
from tests.models.policy.builders import policy_of, rule

SCHEMA = json_schema()
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "number": (int, float),
    "integer": int,
}
# what says nothing about a value
SILENT = {"$schema", "$defs", "title", "description", "default", "examples", "discriminator"}


def problems(value, schema):
    """What a value breaks of a schema: as much of JSON Schema as ours uses; a keyword beyond that is an error here."""
    found = []
    for keyword, wanted in schema.items():
        if keyword not in SILENT:
            found += RULES[keyword](value, wanted, schema)
    return found


def check(condition, what):
    """One problem, or none."""
    return [] if condition else [what]


def typed(value, wanted, _):
    """The kind of value."""
    kinds = TYPES[wanted]
    is_right = isinstance(value, kinds) and (wanted == "boolean" or not isinstance(value, bool))
    return check(is_right, f"{value!r} is no {wanted}")


def properties(value, wanted, _):
    """Each field by its own schema."""
    return [
        p
        for name, part in wanted.items()
        if isinstance(value, dict) and name in value
        for p in problems(value[name], part)
    ]


def additional(value, wanted, schema):
    """Fields that no schema names."""
    if not isinstance(value, dict):
        return []
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    rest = {
        name: part
        for name, part in value.items()
        if name not in known and not any(re.search(p, name) for p in patterns)
    }
    if wanted is False:
        return [f"unknown field {name}" for name in rest]
    return [] if wanted is True else [p for part in rest.values() for p in problems(part, wanted)]


def patterned(value, wanted, _):
    """Fields by what their names look like."""
    named = value.items() if isinstance(value, dict) else ()
    return [
        p
        for name, part in named
        for pattern, schema in wanted.items()
        if re.search(pattern, name)
        for p in problems(part, schema)
    ]


def one_of(value, wanted, _):
    """Exactly one of several schemas."""
    return check(
        sum(not problems(value, schema) for schema in wanted) == 1, f"{value!r} is not exactly one of its kinds"
    )


RULES = {
    "$ref": lambda value, wanted, _: problems(value, SCHEMA["$defs"][wanted.removeprefix("#/$defs/")]),
    "type": typed,
    "properties": properties,
    "additionalProperties": additional,
    "patternProperties": patterned,
    "propertyNames": lambda value, wanted, _: [p for name in (value if isinstance(value, dict) else ()) for p in problems(name, wanted)],
    "required": lambda value, wanted, _: [f"no {name}" for name in wanted if isinstance(value, dict) and name not in value],
    "items": lambda value, wanted, _: [p for item in (value if isinstance(value, list) else ()) for p in problems(item, wanted)],
    "anyOf": lambda value, wanted, _: check(any(not problems(value, part) for part in wanted), f"{value!r} is of no kind"),
    "oneOf": one_of,
    "enum": lambda value, wanted, _: check(value in wanted, f"{value!r} is none of {wanted}"),
    "const": lambda value, wanted, _: check(value == wanted, f"{value!r} is not {wanted}"),
    "pattern": lambda value, wanted, _: check(not isinstance(value, str) or re.search(wanted, value), f"{value!r}: {wanted}"),
    "minLength": lambda value, wanted, _: check(not isinstance(value, str) or len(value) >= wanted, "too short"),
    "maxLength": lambda value, wanted, _: check(not isinstance(value, str) or len(value) <= wanted, "too long"),
    "minItems": lambda value, wanted, _: check(not isinstance(value, list) or len(value) >= wanted, "too few"),
    "maxItems": lambda value, wanted, _: check(not isinstance(value, list) or len(value) <= wanted, "too many"),
    "minProperties": lambda value, wanted, _: check(not isinstance(value, dict) or len(value) >= wanted, "too few fields"),
    "maxProperties": lambda value, wanted, _: check(not isinstance(value, dict) or len(value) <= wanted, "too many fields"),
    "minimum": lambda value, wanted, _: check(not isinstance(value, int | float) or value >= wanted, "too small"),
    "maximum": lambda value, wanted, _: check(not isinstance(value, int | float) or value <= wanted, "too large"),
    "exclusiveMinimum": lambda value, wanted, _: check(not isinstance(value, int | float) or value > wanted, "too small"),
    "exclusiveMaximum": lambda value, wanted, _: check(not isinstance(value, int | float) or value < wanted, "too large"),
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_ships_is_valid_by_the_schema(path):
    """An editor finds nothing wrong in the presets."""
    assert [] == problems(read(path.read_text("utf-8"), path.name).data, SCHEMA)


def document(**fields):
    """A small policy document, with something changed."""
    return {"name": "x", "rules": [rule({"explicit": {"threshold": 0.5}})], **fields}


WRONG = [
    ("a field that nobody knows", document(rulez=[])),
    ("no name", {"rules": []}),
    ("two triggers at once", document(rules=[rule({"explicit": {}, "keyword": {"terms": ["x"]}})])),
    ("no trigger", document(rules=[rule({})])),
    ("a probability above one", document(rules=[rule({"explicit": {"threshold": 1.5}})])),
    ("a word for a number", document(rules=[rule({"explicit": {"threshold": "0.5"}})])),
    ("an action of no known type", document(action={"type": "pigeon"})),
    ("another action's field", document(action={"type": "slack", "webhook_url": "https://x", "inbox_id": "y"})),
    ("a decision that isn't one", document(rules=[rule({"explicit": {}}, "shout")])),
    ("a locale that isn't one", document(locale="English")),
]


@pytest.mark.parametrize("data", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_mistake_is_one_in_the_schema_too(data):
    """What the reader refuses the editor underlines."""
    with pytest.raises(ValueError, match="validation error"):
        Policy.model_validate(data)
    assert problems(data, SCHEMA)


def test_the_short_form_of_a_context_condition_is_valid():
    """`{field: ..., in: [...]}` is as good as `{context: {...}}`."""
    short = {"field": "channel", "in": ["web"]}
    assert [] == problems(document(rules=[rule(short), rule({"all": [short, {"context": short}]})]), SCHEMA)


def test_the_schema_explains_every_part():
    """Whoever hovers over a field reads what it is: every part is described, and nearly every field of the main ones."""
    assert (DIALECT, "Baton policy") == (SCHEMA["$schema"], SCHEMA["title"])
    bare = [name for name, part in SCHEMA["$defs"].items() if not part.get("description")]
    assert [] == bare
    assert "higher is looked at first" in SCHEMA["$defs"]["Rule"]["properties"]["priority"]["description"]
    assert "``" not in json.dumps(SCHEMA)


@pytest.mark.parametrize("name", ["default", "linktor", "scaibot"])
def test_a_policy_that_is_written_reads_back_the_same(name):
    """A document written as YAML has the fingerprint that it had."""
    written = to_yaml(preset(name).model_dump(mode="json", by_alias=True, exclude_defaults=True))
    assert preset(name).fingerprint() == parse_policy(written, "x").fingerprint()
    assert max(map(len, written.splitlines())) < 200


def test_yaml_is_written_for_people():
    """Short parts stand in one line, rules below each other, in the order of the document, in their own letters."""
    words, phrases = (
        [f"Grüße{number:02}" for number in range(15)],
        ["退款", *(f"a phrase of some words, {number}" for number in range(4))],
    )
    policy = policy_of(
        rule({"keyword": {"terms": words}}, id="a"),
        rule({"keyword": {"terms": phrases}}, id="b"),
        rule({"sentiment": {"streak": 3}}, id="c"),
    )
    text = to_yaml(policy.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    assert text.splitlines() == [
        "name: test",
        "rules:",
        "- id: a",
        "  when:",
        "    keyword:",
        "      terms: [Grüße00, Grüße01, Grüße02, Grüße03, Grüße04, Grüße05, Grüße06, Grüße07, Grüße08, Grüße09, Grüße10, Grüße11,",
        "        Grüße12, Grüße13, Grüße14]",
        "  then: escalate",
        "- id: b",
        "  when:",
        "    keyword:",
        "      terms:",
        "      - 退款",
        *(f"      - a phrase of some words, {number}" for number in range(4)),
        "  then: escalate",
        "- {id: c, when: {sentiment: {streak: 3}}, then: escalate}",
    ]


ODD = st.sampled_from(["1e5", "-1E-3", "1.5e+3", "no", "yes", "null", "~", "true", "1_000", "0x1f", "2026-01-01", "12:30", "=", "<<", "- a", "#x", "a: b", "*a", "&a", "!x", "%", "@", "`", "'", '"', "\t", "a\nb", " a", "[", "{", "0", "-0", "1.", ".5", "\u2028", "\U0001f600"])  # fmt: skip


@given(st.lists(ODD | st.text(min_size=1, max_size=5), min_size=1, max_size=5))
def test_words_stay_words(words):
    """Whatever a term looks like, it is read back as the word that it was."""
    try:
        policy = policy_of(
            rule({"field": "customer.x", "in": words}), rule({"field": "customer.x", "in": [1, 1.5, True]}, id="s")
        )
        data = policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        json.dumps(data).encode()
        to_yaml(data).encode()
    except (ValueError, UnicodeEncodeError):  # lone surrogates are no text
        return
    assert policy.fingerprint() == parse_policy(to_yaml(data), "x").fingerprint()
