"""`baton policy`: what the commands print, what they write, and their exit codes."""

import io
import json
import sys

import pytest

from models.policy.publishing import json_schema
from models.policy.schema import load_policy, parse_policy, preset

GOOD = """
name: shop
rules:
  - {id: asks, priority: 1000, when: {explicit: {threshold: 0.6}}, then: escalate}
  - {id: net, priority: 0, when: {confidence: {threshold: 0.5}}, then: escalate}
"""
DEAD = GOOD + "  - {id: again, priority: 500, when: {explicit: {threshold: 0.8}}, then: escalate}\n"
MISFIRES = GOOD + "  - {id: boss, priority: 500, when: {keyword: {terms: [manager]}}, then: escalate}\n"
LINKTOR = """{
  escalation: {
    triggers: {
      keywords: {
        enabled: true,
        terms: ['human', 'agent', 'manager', 'complaint'],
        caseSensitive: false,
        matchType: 'contains'  // 'exact' | 'contains' | 'startsWith'
      }
    },
    action: { type: 'inbox', inboxId: 'inbox_support' },
    dialTone: 440
  }
}
"""
SCAIBOT = """[{"trigger_type": "confidence", "trigger_config": {"threshold": 0.5, "consecutive_low_turns": 2},
  "action_type": "scaiqueue", "action_config": {"topic": "human-review", "priority": 5}, "message": "One moment."}]"""


@pytest.fixture
def written(tmp_path):
    """Write a text to a file and return its path."""

    def write(text, name="policy.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def typed(monkeypatch):
    """Put bytes on standard input."""

    def type_(text):
        data = text if isinstance(text, bytes) else text.encode("utf-8")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))

    return type_


# where a policy comes from


def test_a_file_a_preset_or_standard_input(baton, written, typed):
    """FILE is a file, the name of a preset, or - for standard input."""
    label = parse_policy(GOOD, "x").label
    assert (0, f"{label} is a policy of 2 rules\n", "") == baton("policy", "validate", written(GOOD))
    typed(GOOD)
    assert (0, f"{label} is a policy of 2 rules\n", "") == baton("policy", "validate", "-")
    assert baton("policy", "validate", "scaibot")[1].startswith(preset("scaibot").label)


def test_a_file_goes_before_a_preset_of_its_name(baton, written, monkeypatch, tmp_path):
    """A file that is called as a preset is the file."""
    written(GOOD, "default")
    monkeypatch.chdir(tmp_path)
    assert baton("policy", "validate", "default")[1].startswith("shop@")


BROKEN = [
    ("no such file", "nowhere.yaml", "no file 'nowhere.yaml'; expected a YAML or JSON file, - for standard input, or a preset (default"),
    ("a folder", ".", "no file '.'; expected"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize("command", ["validate", "lint", "show"])
def test_what_is_not_there_is_one_line(baton, command, source, expected):
    """A policy that isn't there exits 1 with one line that says what can be named."""
    code, out, err = baton("policy", command, source)
    assert (1, "", 1) == (code, out, err.count("\n"))
    assert err.startswith(f"baton: {expected}")


def test_what_is_no_text_is_one_line(baton, typed):
    """Bytes that are no UTF-8 are refused with one line."""
    typed(b"name: \xff")
    code, out, err = baton("policy", "validate", "-")
    assert (1, "", "baton: standard input: not UTF-8 at byte 6; save it as UTF-8\n") == (code, out, err)


# validate


def test_a_broken_policy_is_told_problem_by_problem(baton, written):
    """Every problem has its line and its field, and the exit code is 1."""
    path = written(GOOD.replace("threshold: 0.6", "treshold: 0.6").replace("then: escalate}", "then: shout}", 1))
    code, out, err = baton("policy", "validate", path)
    assert (1, "") == (code, out)
    assert "policy.yaml, line 4: rules[0].when.explicit.treshold: unknown field; did you mean `threshold`?" in err
    assert "policy.yaml, line 4: rules[0].then: found 'shout'" in err


# lint


def test_lint_says_what_it_found_and_counts_it(baton, written, tiny):
    """A finding is one line: severity, rule, what and why, code; the last line counts; an error exits 1."""
    code, out, err = baton("policy", "lint", written(DEAD), "--bundle", tiny)
    finding, summary = out.splitlines()
    assert (1, "") == (code, err)
    assert finding.startswith("error    again: `asks` (priority 1000) comes before it")
    assert finding.endswith("[unreachable]")
    assert summary.startswith("shop@")
    assert summary.endswith(" for tiny-1: errors 1, warnings 0, advice 0")


@pytest.mark.parametrize(
    ("text", "plain", "strict"), [(GOOD, 0, 0), (MISFIRES, 0, 1), (DEAD, 1, 1)], ids=["good", "warning", "error"]
)
def test_lint_fails_on_errors_and_if_strict_on_warnings(baton, written, text, plain, strict):
    """Exit code 1 for errors; with --strict for warnings too."""
    path = written(text)
    assert (plain, strict) == (baton("policy", "lint", path)[0], baton("policy", "lint", path, "--strict")[0])


def test_lint_of_what_ships_passes(baton):
    """The default policy passes with the released bundle, strictly."""
    code, out, _ = baton("policy", "lint", "--strict")
    assert 0 == code
    assert "errors 0, warnings 0" in out


def test_lint_as_json(baton, written):
    """`--json` gives every finding with code, severity, rule and message; the exit code stays."""
    code, out, _ = baton("policy", "lint", written(MISFIRES), "--json", "--strict")
    (finding,) = json.loads(out)
    assert 1 == code
    assert ("innocent_term", "warning", "boss") == (finding["code"], finding["severity"], finding["rule_id"])
    assert "password manager" in finding["message"]


def test_lint_without_a_bundle_says_nothing_of_labels(baton, written, tmp_path):
    """Labels are only known with a bundle; without one they pass, and a place without a bundle is a failure."""
    path = written(
        GOOD + "  - {id: odd, priority: 500, when: {intent: {labels: [sing], threshold: 0.5}}, then: offer}\n"
    )
    assert 1 == baton("policy", "lint", path)[0]
    assert 0 == baton("policy", "lint", path, "--no-bundle")[0]
    code, _, err = baton("policy", "lint", path, "--bundle", tmp_path)
    assert (1, True) == (code, err.startswith("baton: no manifest.json in "))


def test_lint_prints_terms_as_they_are(baton, written):
    """Square brackets in a policy are no formatting."""
    path = written(GOOD + '  - {id: a, priority: 1, when: {keyword: {terms: ["[b]x", "[b]xy"]}}, then: escalate}\n')
    assert "'[b]xy' adds nothing: '[b]x'" in baton("policy", "lint", path)[1]


# show, diff, presets, schema


def test_show_lists_rules_by_priority(baton, written):
    """Rules stand in the order in which they are looked at, with what they wait for in words."""
    path = written(
        "name: shop\nlocale: de\nrules:\n"
        "  - {id: late, priority: 1, when: {sentiment: {streak: 3}}, then: offer, enabled: false}\n"
        "  - {id: first, priority: 9, when: {all: [{explicit: {}}, {field: channel, in: [web, chat]}]}, then: escalate,\n"
        "     action: {type: queue, topic: review}, timing: {mode: after_wait, wait_seconds: 60}}\n"
    )
    code, out, _ = baton("policy", "show", path)
    title, header, first, waits, late = [" ".join(line.split()) for line in out.splitlines()]
    assert 0 == code
    assert title.endswith("locale de, full evaluation, on error offer")
    assert "priority rule then when action" == header
    assert "9 first escalate explicit >= the bundle's threshold and channel in web, chat queue" == first
    assert "after wait" == waits
    assert "1 late (off) offer 3 negative messages in a row inbox (policy's)" == late


def test_show_as_json_is_the_document(baton):
    """`show --json` gives the policy's document, without its defaults, as it can be read again."""
    _, out, _ = baton("policy", "show", "default", "--json")
    assert parse_policy(out, "x").fingerprint() == preset("default").fingerprint()


def test_diff_says_what_changed(baton, written):
    """Changes are lines; equal policies have no difference; `--json` gives paths and values."""
    old, new = written(GOOD), written(GOOD.replace("0.6", "0.7"), "new.yaml")
    assert (0, "rules[asks].when.explicit.threshold: 0.6 -> 0.7\n", "") == baton("policy", "diff", old, new)
    assert (0, "no difference\n", "") == baton("policy", "diff", old, old)
    (change,) = json.loads(baton("policy", "diff", old, new, "--json")[1])
    assert {"path": "rules[asks].when.explicit.threshold", "before": 0.6, "after": 0.7} == change


def test_presets_are_listed(baton):
    """The policies that ship are listed with their size, and each can be shown."""
    code, out, _ = baton("policy", "presets")
    names = [line.split()[0] for line in out.splitlines()]
    assert (0, ["default", "linktor", "scaibot"]) == (code, names)
    assert [0, 0, 0] == [baton("policy", "show", name)[0] for name in names]


def test_schema_is_json(baton):
    """`schema` prints the JSON Schema of policies."""
    code, out, _ = baton("policy", "schema")
    assert (0, json_schema()) == (code, json.loads(out))


# import, export


def test_import_writes_a_policy_that_loads(baton, written, tmp_path):
    """What another product's configuration means is written as a policy; what has no meaning here is told, not dropped."""
    out_path = tmp_path / "out.yaml"
    code, out, err = baton("policy", "import", "--from", "linktor", written(LINKTOR, "bot.ts"), "-o", out_path)
    policy = load_policy(out_path)
    assert (0, "") == (code, out)
    assert ("human", "agent", "manager", "complaint") == policy.rules[0].when.keyword.terms
    assert "inbox_support" == policy.action.inbox_id
    assert err.startswith("baton: warning: ")
    assert "dialTone" in err


def test_import_from_standard_input_to_standard_output(baton, typed):
    """Commands can be chained: what is imported is printed, and can be linted as it stands."""
    typed(SCAIBOT)
    code, out, err = baton("policy", "import", "--from", "scaibot", "-")
    assert (0, "") == (code, err)
    typed(out)
    assert 0 == baton("policy", "lint", "-")[0]
    assert "human-review" in out


def test_import_of_nonsense_is_one_line(baton, typed):
    """A text that is no such configuration exits 1 with what was found and expected."""
    typed("this is not it")
    code, out, err = baton("policy", "import", "--from", "linktor", "-")
    assert (1, "") == (code, out)
    assert err.startswith("baton: ")


def test_export_writes_the_other_products_configuration(baton, typed, tmp_path):
    """What is exported can be imported again, and what the other product can't say is told."""
    path = tmp_path / "rules.json"
    code, out, err = baton("policy", "export", "--to", "scaibot", "default", "-o", path)
    assert (0, "") == (code, out)
    assert "baton: warning: " in err
    assert 0 == baton("policy", "import", "--from", "scaibot", path)[0]
    typed(baton("policy", "export", "--to", "linktor", "linktor")[1])
    assert 0 == baton("policy", "import", "--from", "linktor", "-")[0]


def test_a_place_that_cannot_be_written_is_one_line(baton, tmp_path):
    """A folder that doesn't exist is told in one line."""
    code, _, err = baton("policy", "export", "--to", "linktor", "linktor", "-o", tmp_path / "no" / "x.json")
    assert 1 == code
    assert err.splitlines()[-1].endswith("No such file or directory; name a file in a folder that exists")


@pytest.mark.parametrize(
    "arguments", [("validate",), ("import", "x"), ("import", "--from", "excel", "x"), ("fly",), ("diff", "default")]
)
def test_misuse_exits_two(baton, arguments):
    """A missing argument, an unknown product or command exits 2."""
    code, out, err = baton("policy", *arguments)
    assert (2, "") == (code, out)
    assert "Error" in err
