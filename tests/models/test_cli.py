"""The `baton` command: what it prints, and its exit codes: 0 good, 1 failed, 2 misused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.labels import LABELS

ROOT = Path(__file__).parents[2]
POLICY = """
name: words
messages: {escalate: "One moment [b]please[/b]."}
rules:
  - {id: lawyer, priority: 2, when: {keyword: {terms: [lawyer]}}, then: escalate}
  - {id: slow, priority: 1, when: {keyword: {terms: ["[/slow]"]}}, then: offer, message: "Shall I [call] someone"}
"""


@pytest.fixture
def policy(tmp_path):
    """A policy of keyword rules, so that decisions don't depend on random weights."""
    path = tmp_path / "words.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


# score


def test_score_says_decision_reason_and_scores(baton, tiny, policy):
    """A person reads the decision first, then why, what the customer reads, and the scores."""
    code, out, _ = baton("score", "my lawyer will call", "--bundle", tiny, "--policy", policy)
    lines = [line.strip() for line in out.splitlines()]
    assert code == 0
    assert lines[0] == "escalate  policy (lawyer)"
    assert [line.split()[0] for line in lines[1:6]] == ["why", "says", "intents", "explicit", "sentiment"]
    assert any(line.startswith("fired      lawyer: keyword lawyer") for line in lines)


def test_score_prints_texts_as_they_are(baton, tiny, policy):
    """Square brackets in a policy's text or a customer's words are no formatting."""
    _, first, _ = baton("score", "my lawyer", "--bundle", tiny, "--policy", policy)
    code, second, _ = baton("score", "so [/slow] here", "--bundle", tiny, "--policy", policy)
    assert "says       One moment [b]please[/b]." in first
    assert code == 0
    assert "says       Shall I [call] someone" in second


def test_score_as_json_holds_everything(baton, tiny, policy):
    """`--json` gives the whole decision and all scores, without the embedding."""
    code, out, _ = baton("score", "my lawyer will call", "--bundle", tiny, "--policy", policy, "--json")
    found = json.loads(out)
    assert code == 0
    assert [entry["role"] for entry in found] == ["customer"]
    assert found[0]["decision"]["decision"] == "escalate"
    assert found[0]["decision"]["reason"]["rule_id"] == "lawyer"
    assert sorted(entry["label"] for entry in found[0]["scores"]["intents"]) == sorted(LABELS)
    lacking = ("confidence", "custom", "dialogue", "risk")
    assert found[0]["scores"]["status"] == dict.fromkeys(lacking, "not_available")
    assert "embedding" not in found[0]["scores"]


def test_score_of_a_draft_too(baton, tiny, policy):
    """With `--answer` and `--passage` the draft is scored for confidence as a second message."""
    code, out, _ = baton(
        *("score", "where is it", "--answer", "On its way.", "--passage", "It left.", "--passage", "Two days."),
        *("--bundle", tiny, "--policy", policy, "--json"),
    )
    customer, bot = json.loads(out)
    assert code == 0
    assert (customer["role"], bot["role"]) == ("customer", "bot")
    assert 0 <= bot["scores"]["confidence"] <= 1
    assert list(bot["scores"]["answer"]) == ["sufficient", "grounded", "answers"]


def test_score_says_when_a_language_is_not_supported(baton, tiny, policy):
    """A foreign message shows its language instead of scores."""
    _, out, _ = baton("score", "où est mon colis, je l'attends", "--bundle", tiny, "--policy", policy)
    assert "fr (" in out
    assert "not supported by this bundle" in out
    assert "sentiment" not in out


def test_the_environment_names_bundle_and_policy(baton, monkeypatch, tiny, policy):
    """BATON_BUNDLE and BATON_POLICY stand in for the options."""
    monkeypatch.setenv("BATON_BUNDLE", str(tiny))
    monkeypatch.setenv("BATON_POLICY", str(policy))
    code, out, _ = baton("score", "my lawyer")
    assert (code, out.splitlines()[0]) == (0, "escalate  policy (lawyer)")


# bundle


def test_bundle_show(baton, tiny):
    """`bundle show` names the bundle, its heads and its files."""
    code, out, _ = baton("bundle", "show", tiny)
    assert code == 0
    assert out.splitlines()[0].startswith("tiny-1  released 2026-01-01 00:00 UTC  for en")
    words = out.split()
    expected = [
        "intents",
        "out_of_scope",
        "explicit",
        "polarity",
        "frustration",
        "answer",
        "message.onnx",
        "tokenizer.json",
    ]
    assert [word for word in expected if word not in words] == []


def test_bundle_show_as_json_is_the_manifest(baton, tiny):
    """`bundle show --json` prints the manifest itself."""
    _, out, _ = baton("bundle", "show", tiny, "--json")
    assert json.loads(out) == json.loads((tiny / "manifest.json").read_text("utf-8"))


def test_bundle_verify_of_a_whole_bundle(baton, tiny):
    """A bundle whose files, labels and graphs agree is said to be whole."""
    assert baton("bundle", "verify", tiny) == (
        0,
        "tiny-1 is whole: 3 files match their hashes, the graphs load\n",
        "",
    )


def test_bundle_verify_of_a_spoiled_bundle(baton, tiny_copy):
    """A bundle with an altered file fails with one line that says what to do."""
    (tiny_copy / "message.onnx").write_bytes(b"altered")
    code, out, err = baton("bundle", "verify", tiny_copy)
    assert (code, out) == (1, "")
    assert err.startswith("baton: message.onnx in ")
    assert err.endswith("; fetch the bundle again\n")


# failed and misused


def test_no_bundle_is_a_failure(baton, tmp_path):
    """A place without a bundle exits 1 and says how to name another."""
    code, out, err = baton("score", "hello", "--bundle", tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith(f"baton: no manifest.json in {tmp_path}; ")
    assert err.endswith("; or name one with --bundle\n")


def test_a_broken_policy_is_a_failure(baton, tiny, tmp_path):
    """A policy that doesn't hold together exits 1 and names the file."""
    path = tmp_path / "odd.yaml"
    path.write_text("name: odd\nrulez: []\n", encoding="utf-8")
    code, out, err = baton("score", "hello", "--bundle", tiny, "--policy", path)
    assert (code, out) == (1, "")
    assert err.startswith("baton: ")
    assert "odd.yaml" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("",), "message 'm-1' of the customer has no visible character; expected 1 to 8192 characters, "),
        (("\u200b \u200b", "--json"), "message 'm-1' of the customer has no visible character; "),
        (("x" * 8193,), "message 'm-1' of the customer has 8193 characters; expected at most 8192, shorten it"),
        (("hello", "--answer", " "), "message 'm-2' of the bot has no visible character; "),
    ],
    ids=["nothing", "nothing that is seen", "too long", "an answer of nothing"],
)
def test_a_text_that_cannot_be_scored_is_a_failure(baton, tiny, policy, arguments, expected):
    """A text of nothing, or one that is too long, exits 1 with one line that says what was found and expected."""
    code, out, err = baton("score", *arguments, "--bundle", tiny, "--policy", policy)
    assert (1, "") == (code, out)
    assert err.startswith(f"baton: {expected}")
    assert 1 == err.count("\n")


@pytest.mark.parametrize(
    "arguments",
    [("score",), ("score", "hello", "--surprise"), ("fly",), ("bundle", "fly"), ("bundle", "show", "a", "b")],
)
def test_misuse_exits_two(baton, arguments):
    """A missing argument, an unknown option or command exits 2 and says so on standard error."""
    code, out, err = baton(*arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


def test_help_names_every_command(baton):
    """`baton --help` lists the commands of this room and of the others."""
    code, out, _ = baton("--help")
    assert code == 0
    assert [name for name in ("score", "chat", "bundle") if f" {name} " not in out] == []


# chat


def chat(lines, bundle, policy):
    """What `baton chat` does with lines from a pipe, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from models.cli import main; main()", "chat", "--bundle", bundle, "--policy", policy],
        cwd=ROOT,
        input=lines,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        env={"COLUMNS": "400", "PATH": "", "PYTHONUTF8": "1"},
        check=False,
    )


def test_chat_through_a_pipe(tiny, policy):
    """Lines from a pipe are taken one by one, in their roles, until an empty line."""
    lines = ["my lawyer will call", "agent: hello, this is Ana", "my lawyer again", "", "never read, lawyer"]
    done = chat("\n".join(lines), tiny, policy)
    decisions = [line.removeprefix("> ") for line in done.stdout.splitlines() if line.startswith("> ")]
    assert (done.returncode, done.stderr) == (0, "")
    assert decisions[:3] == [
        "escalate  policy (lawyer)",
        "continue  held back: human_in_control",
        "continue  held back: human_in_control",
    ]
    assert done.stdout.count("escalate") == 1


def test_chat_goes_on_after_a_line_that_cannot_be_scored(tiny, policy):
    """A line of nothing visible, or one that is too long, is refused with one line each, and the next is decided."""
    lines = ["\u200b", "x" * 8193, "my lawyer will call"]
    done = chat("\n".join(lines), tiny, policy)
    assert 0 == done.returncode
    assert [
        "baton: message 'm-1' of the customer has no visible character",
        "baton: message 'm-2' of the customer has 8193 characters",
    ] == [line.partition(";")[0] for line in done.stderr.splitlines()]
    assert 1 == done.stdout.count("escalate  policy (lawyer)")


def test_chat_ends_with_its_input(tiny, policy):
    """The end of the input ends the chat, with exit code 0."""
    done = chat("bot: Your parcel is on its way.\nfallback: Sorry?\nhello there", tiny, policy)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("> continue") == 3
