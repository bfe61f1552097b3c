"""Reading policies: YAML and JSON, errors with lines, fingerprints (row L-50)."""

import copy
import json
import pickle
import time

import pytest

from models.contracts import Action, Phase
from models.errors import PolicyError
from models.policy.reading import MAX_DEPTH
from models.policy.schema import DEFAULT_PATH, Policy, default_policy, load_policy, parse_policy
from tests.models.policy.builders import as_json, customer, policy_of, rule, scored, take

GOOD = """
name: shop
note: second try
on_error: escalate
action: {type: agent, assignment: {strategy: round_robin, team_id: billing}, priority: P2}
rules:
  - id: clear
    priority: 10
    when: {explicit: {threshold: 0.8}}
    then: escalate
    message:
      en: Hold on.
      de: Moment bitte.
  - id: money
    when:
      all:
        - topic: {labels: [demand_refund], threshold: 0.7}
        - {field: customer.tier, in: [gold, no, yes]}
    then: offer
"""


def problem(text, source="p.yaml"):
    """The error that a text gives."""
    with pytest.raises(PolicyError) as error:
        parse_policy(text, source)
    return str(error.value)


def test_yaml_and_json_are_the_same_policy():
    """The same document in YAML and in JSON is one policy with one fingerprint."""
    policy = parse_policy(GOOD, "p.yaml")
    again = parse_policy(as_json(policy), "p.json")
    indented = parse_policy(json.dumps(json.loads(as_json(policy)), indent="\t"), "p.json")
    assert policy == again == indented
    assert policy.fingerprint() == again.fingerprint() == indented.fingerprint()


def test_words_are_words():
    """Yes and no are no truths, so a list of country codes or answers is what it looks like."""
    assert ("gold", "no", "yes") == parse_policy(GOOD, "p.yaml").rules[1].when.all[1].context.in_


def test_a_partial_policy_is_valid():
    """L-50: name and rules are enough; everything else has a documented default."""
    policy = parse_policy("name: small\nrules: []\n", "p.yaml")
    assert (Action.OFFER, "en", {"type": "inbox"}) == (policy.on_error, policy.locale, policy.action.mapping())


def test_the_phase_comes_from_the_trigger():
    """A rule on the bot's confidence is looked at after generation, one on the message before."""
    policy = policy_of(
        rule({"confidence": {"threshold": 0.5}}, id="post"), rule({"explicit": {"threshold": 0.5}}, id="pre")
    )
    assert {Phase.PRE: ["pre"], Phase.POST: ["post"]} == {
        phase: [compiled.rule.id for compiled in rules] for phase, rules in policy.program.items()
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "threshold: 0.8",
            "treshold: 0.8",
            "p.yaml, line 9: rules[0].when.explicit.treshold: unknown field; did you mean `threshold`?",
        ),
        (
            "threshold: 0.8",
            "threshold: 1.8",
            "p.yaml, line 9: rules[0].when.explicit.threshold: found 1.8; expected less than or equal to 1",
        ),
        (
            "threshold: 0.8",
            "threshold: '0.8'",
            "p.yaml, line 9: rules[0].when.explicit.threshold: found '0.8'; expected a valid number",
        ),
        ("priority: 10", "priority: 10.5", "p.yaml, line 8: rules[0].priority: found 10.5; expected a valid integer"),
        (
            "priority: 10",
            "priority: 1001",
            "p.yaml, line 8: rules[0].priority: found 1001; expected less than or equal to 1000",
        ),
        ("then: offer", "then: shout", "p.yaml, line 19: rules[1].then: found 'shout'; expected 'escalate' or 'offer'"),
        ("    then: offer\n", "", "p.yaml, line 14: rules[1].then: a field is missing; add it"),
        ("type: agent", "type: pigeon", "p.yaml, line 5: action.type: found 'pigeon'; expected 'inbox', 'agent'"),
        (
            "priority: P2",
            "priority: soon",
            "p.yaml, line 5: action.priority: priority 'soon', expected one of urgent, high, normal, low",
        ),
        (
            "on_error: escalate",
            "on_error: panic",
            "p.yaml, line 4: on_error: found 'panic'; expected 'continue', 'offer' or 'escalate'",
        ),
        ("id: money", "id: clear", "p.yaml, line 14: rules[1].id: the rule id 'clear' is taken"),
        ("id: money", "id: on_error", "p.yaml, line 14: rules[1].id: the rule id 'on_error' is taken"),
        (
            "field: customer.tier",
            "field: tier",
            "p.yaml, line 18: rules[1].when.all[1].field: unknown field 'tier'; expected customer.<name>",
        ),
        ("in: [gold, no, yes]", "on: [gold]", "p.yaml, line 18: rules[1].when.all[1].on: unknown field"),
        (
            "name: shop",
            "name: my shop",
            "p.yaml, line 2: name: found 'my shop'; expected a text of the pattern '^[A-Za-z",
        ),
        (
            "labels: [demand_refund]",
            "labels: []",
            "p.yaml, line 17: rules[1].when.all[0].topic.labels: found a list; expected at least 1 item, not 0",
        ),
        ("name: shop", "nam: shop", "p.yaml, line 2: nam: unknown field; did you mean `name`?"),
        ("      en: Hold on.", "      english: Hold on.", "p.yaml, line 12: rules[0].message.english"),
        ("topic: {", "topik: {", "p.yaml, line 17: rules[1].when.all[0].topik: unknown field; did you mean `topic`?"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(old, new, expected):
    """Every problem says where it is, what was found and what was expected."""
    assert expected in problem(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("0.8", "1.8"), (9, "rules[0].when.explicit.threshold", "1.8", "less than or equal to 1", None)),
        (
            GOOD.replace("threshold: 0.8", "treshold: 0.8"),
            (
                9,
                "rules[0].when.explicit.treshold",
                "unknown field",
                None,
                "did you mean `threshold`? Otherwise remove it",
            ),
        ),
        ("name: a\nname: b\nrules: []", (2, None, "'name' stands here twice", None, "remove one")),
        ("a" * 1_000_001, (None, None, "1000001 characters", "at most 1000000", "shorten the policy")),
        ("name: a: b", (1, None, "mapping values are not allowed here", "YAML or JSON", "mend the text there")),
    ],
)
def test_a_mistake_is_told_in_its_parts(text, expected):
    """Programs get line, field, what was found, what was expected and what mends it, one by one."""
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "p.yaml")
    (problem,) = error.value.problems
    assert expected == (problem.line, problem.field, problem.found, problem.expected, problem.mend)
    assert problem.text in str(error.value)


def test_all_mistakes_are_told_at_once():
    """Several mistakes are several lines, in the order of the document."""
    lines = problem(GOOD.replace("0.8", "8").replace("then: offer", "then: no").replace("shop", "s h")).splitlines()
    assert [2, 9, 19] == [int(line.split("line ")[1].split(":")[0]) for line in lines]


def test_no_end_of_mistakes():
    """A document full of mistakes is described by the first ten and their number."""
    lines = problem("name: x\nrules: [" + "{}, " * 30 + "]").splitlines()
    assert (11, "... and 80 more") == (len(lines), lines[-1])


def test_a_million_characters_of_mistakes_are_refused_soon():
    """A document of unknown fields only is described by the first ten, without looking for words for all of them."""
    started = time.process_time()
    lines = problem("name: x\nrules: []\n" + "".join(f"k{n}: {n}\n" for n in range(60_000))).splitlines()
    assert (11, "... and 59990 more") == (len(lines), lines[-1])
    assert time.process_time() - started < 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "p.yaml: the document is empty"),
        ("name: [", "p.yaml, line 1, column 8"),
        ("name: a\nname: b\nrules: []", "line 2: 'name' stands here twice; remove one"),
        ("name: &a x\nrules: []", "line 1: anchors and aliases are not read"),
        ("name: !!python/object:os.system x", "line 1: the tag tag:yaml.org,2002:python/object:os.system is not read"),
        ("? [a]\n: b", "line 1: a field's name must be a word"),
        ("- a\n- b", "p.yaml, line 1: policy: found a list"),
        ("name: a\n---\nname: b", "line 2, column 1"),
        ("a: " + "[" * 100 + "]" * 100, f"nested deeper than {MAX_DEPTH}"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", f"nested deeper than {MAX_DEPTH}"),
        ('{"a": ' + "[" * 100_000, "p.yaml"),
        ("a: " + "[" * 100_000, "nested deeper"),
        ('{"name": "x", "name": "y"}', "'name' stands here twice"),
        ('{"name": "x",\n "rules": [}', "p.yaml, line 2"),
        ("name: \ud800", "lone surrogate"),
        ('{"name": "x", "note": "\\ud800", "rules": []}', "lone surrogate"),
        ('name: x\nnote: "\\ud800"\nrules: []', "lone surrogate"),
        ("a" * 1_000_001, "expected at most 1000000"),
        ('{"name": "x", "rules": [], "on_error": NaN}', "on_error"),
        ("name: x\nrules:\n  - {id: r, then: escalate, when: {explicit: {threshold: .nan}}}", "found '.nan'"),
    ],
)
def test_what_is_no_document_is_refused(text, expected):
    """Text that is not plain YAML or JSON is refused before anything of it is used."""
    assert expected in problem(text)


def test_json_keeps_characters_beyond_the_basic_plane():
    """Escaped emoji in JSON come out whole."""
    text = '{"name": "x", "rules": [], "messages": {"offer": "\\ud83d\\ude00"}}'
    assert "😀" == parse_policy(text, "p.json").messages.offer


def test_json_mistakes_have_lines_too():
    """A mistake in indented JSON is found at its line."""
    text = json.dumps(json.loads(as_json(parse_policy(GOOD, "p.yaml"))), indent=1).replace("0.8", "8")
    line = next(n for n, one in enumerate(text.splitlines(), start=1) if '"threshold": 8' in one)
    assert f"p.json, line {line}: rules[0].when.explicit.threshold" in problem(text, "p.json")


def test_files(tmp_path):
    """A file that is missing or not UTF-8 is a policy error that names it."""
    (tmp_path / "latin.yaml").write_bytes("name: café".encode("latin-1"))
    for name in ("latin.yaml", "missing.yaml"):
        with pytest.raises(PolicyError, match=name):
            load_policy(tmp_path / name)
    assert default_policy() == load_policy(DEFAULT_PATH)
    assert default_policy() is default_policy()


def test_the_fingerprint_is_of_the_content():
    """Layout and defaults written out make no difference; any value does."""
    policy = policy_of(rule({"explicit": {"threshold": 0.8}}))
    written_out = policy_of(rule({"explicit": {"threshold": 0.8}}, priority=500, enabled=True), locale="en")
    other = policy_of(rule({"explicit": {"threshold": 0.81}}))
    assert policy.fingerprint() == written_out.fingerprint() != other.fingerprint()
    assert (64, f"test@{policy.fingerprint()[:8]}") == (len(policy.fingerprint()), policy.label)


def test_a_changed_copy_is_another_policy():
    """model_copy with an update has its own fingerprint and its own rules, and the original keeps its."""
    policy = policy_of(rule({"explicit": {"threshold": 0.8}}))
    before = (policy.label, policy.program)
    changed = policy.model_copy(update={"enabled": False})
    assert policy.label != changed.label
    assert (Action.ESCALATE, Action.CONTINUE) == tuple(
        take(one, customer(), scored(explicit=0.9)).decision.decision for one in (policy, changed)
    )
    assert before == (policy.label, policy.program)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda policy: pickle.loads(pickle.dumps(policy))])
def test_a_policy_can_be_copied_and_sent(copied):
    """Copies and pickles, with compiled patterns already made, are the same policy."""
    policy = policy_of(rule({"keyword": {"terms": ["a+b"], "match": "regex"}}))
    take(policy, customer("aab"))
    again = copied(policy)
    assert (policy, policy.label) == (again, again.label)
    assert Action.ESCALATE is take(again, customer("aab")).decision.decision


def test_a_policy_is_immutable():
    """Nobody changes a policy under the feet of another."""
    with pytest.raises(ValueError, match="frozen"):
        policy_of().name = "other"


def test_the_schema_can_be_published():
    """The document has a JSON schema, for editors and for the HTTP interface."""
    assert {"name", "rules"} == set(Policy.model_json_schema()["required"])
