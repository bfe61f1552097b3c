"""The difference of two policies: which field, what stood there, what stands there now."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.policy.diff import ORDER, Change, describe, diff
from models.policy.schema import Policy, default_policy
from tests.models.policy.builders import A, B, policy_of, rule

LEFT = {
    "name": "shop",
    "labels": {"add_driver": {"description": "wants to add a driver"}},
    "rules": [
        rule({"explicit": {"threshold": 0.6}}, id="explicit", priority=900),
        rule({"any": [{"topic": {"labels": ["legal_threat"], "threshold": 0.5}}, A]}, id="legal", priority=800),
        rule({"keyword": {"terms": ["refund", "chargeback"]}}, "offer", id="money"),
    ],
}


def changed(*path, to):
    """The policy on the left with one thing changed."""
    data = copy.deepcopy(LEFT)
    *steps, last = path
    part = data
    for step in steps:
        part = part[step]
    part[last] = to
    return Policy.model_validate(data)


OLD = Policy.model_validate(LEFT)

CASES = [
    ("a threshold", ("rules", 0, "when", "explicit", "threshold"), 0.7,
     Change("rules[explicit].when.explicit.threshold", 0.6, 0.7)),
    ("a default that was not written", ("evaluation",), "lazy", Change("evaluation", "full", "lazy")),
    ("deep in a condition", ("rules", 1, "when", "any", 0, "topic", "threshold"), 0.4,
     Change("rules[legal].when.any[0].topic.threshold", 0.5, 0.4)),
    ("a list of words", ("rules", 2, "when", "keyword", "terms"), ["refund", "my money"],
     Change("rules[money].when.keyword.terms", ["refund", "chargeback"], ["refund", "my money"])),
    ("a message that was not there", ("rules", 0, "message"), "One moment.",
     Change("rules[explicit].message", None, "One moment.")),
    ("a truth", ("rules", 0, "enabled"), False, Change("rules[explicit].enabled", True, False)),
    ("a label of the policy's own", ("labels", "add_driver", "threshold"), 0.5, Change("labels.add_driver.threshold", None, 0.5)),
    ("a part of a part", ("sla",), {"urgent": {"first_response_seconds": 30}},
     Change("sla.urgent.first_response_seconds", 60, 30)),
]  # fmt: skip


@pytest.mark.parametrize(("path", "to", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_changed_field_is_named_with_both_values(path, to, expected):
    """One changed field is one change: where it stands, before, after."""
    assert (expected,) == diff(OLD, changed(*path, to=to))


def test_another_trigger_is_one_that_went_and_one_that_came():
    """Of a rule that waits for something else, both conditions are told whole."""
    new = changed("rules", 0, "when", to=A)
    assert {"rules[explicit].when.explicit", "rules[explicit].when.keyword"} == {item.path for item in diff(OLD, new)}


def test_rules_come_and_go_by_their_ids():
    """A rule is found by its id wherever it stands; the others are untouched by one that came before them."""
    kept = OLD.rules[1:]
    new = OLD.model_copy(
        update={"rules": (*kept, Policy.model_validate({"name": "x", "rules": [rule(B, id="new")]}).rules[0])}
    )
    found = diff(OLD, new)
    assert ["rules[explicit]", "rules[new]"] == [change.path for change in found]
    assert ("explicit", None) == (found[0].before["id"], found[0].after)
    assert (None, "new") == (found[1].before, found[1].after["id"])


def test_the_order_of_rules_is_a_change():
    """Rules that stand in another order are one change, of their ids."""
    new = OLD.model_copy(update={"rules": OLD.rules[::-1]})
    assert (Change(ORDER, ["explicit", "legal", "money"], ["money", "legal", "explicit"]),) == diff(OLD, new)


def test_the_same_document_has_no_difference():
    """Equal policies differ in nothing, however their defaults were written."""
    assert () == diff(OLD, changed("evaluation", to="full"))
    assert () == diff(default_policy(), default_policy().model_copy())


def test_numbers_and_truths_are_told_apart():
    """5 and 5.0, 1 and true are different documents, and different here."""

    def of(value):
        return policy_of(rule({"field": "customer.x", "equals": value}))

    values = [1, True, 1.0]
    for one in values:
        for other in values:
            is_same = one is other
            assert is_same == (diff(of(one), of(other)) == ())
            assert is_same == (of(one).fingerprint() == of(other).fingerprint())


def test_a_change_is_one_line_for_people():
    """Each change reads as one line: what changed, and from what to what."""
    changes = (
        Change("rules[explicit].when.explicit.threshold", 0.6, 0.7),
        Change("rules[money].when.keyword.terms", ["refund", "back"], ["refund", "cash"]),
        Change("rules[money].message", None, "Один момент."),
        Change("rules[legal]", {"id": "legal", "when": {"keyword": {"terms": ["x" * 200]}}, "then": "offer"}, None),
        Change(ORDER, ["a", "b"], ["b", "a"]),
    )
    lines = describe(changes).splitlines()
    assert lines[:3] == [
        "rules[explicit].when.explicit.threshold: 0.6 -> 0.7",
        'rules[money].when.keyword.terms: added ["cash"], removed ["back"]',
        'rules[money].message: added "Один момент."',
    ]
    assert lines[3].startswith('rules[legal]: removed offer when {"keyword": {"terms": ["xxx')
    assert lines[3].endswith("…")
    assert "rules (order): a, b -> b, a" == lines[4]


conditions = st.sampled_from([A, B, {"explicit": {"threshold": 0.5}}, {"sentiment": {"streak": 3}}, {"any": [A, B]}])
rules = st.builds(
    lambda when, then, priority, message: {"when": when, "then": then, "priority": priority, **message},
    conditions,
    st.sampled_from(["escalate", "offer"]),
    st.integers(0, 3),
    st.sampled_from([{}, {"message": "Hello."}, {"message": {"en": "Hello.", "de": "Hallo."}}]),
)
policies = st.builds(
    lambda found, locale: policy_of(*[{**part, "id": name} for name, part in found.items()], locale=locale),
    st.dictionaries(st.sampled_from("abcd"), rules, max_size=4),
    st.sampled_from(["en", "de"]),
)


@given(policies, policies)
def test_policies_differ_exactly_if_their_fingerprints_do(old, new):
    """No change is overlooked and none invented; the way back tells the same fields with the values swapped."""
    found = diff(old, new)
    assert (old.fingerprint() == new.fingerprint()) == (found == ())
    swapped = {(change.path, str(change.after), str(change.before)) for change in diff(new, old)}
    assert {(change.path, str(change.before), str(change.after)) for change in found} == swapped
    assert len(found) == len(describe(found).splitlines())
