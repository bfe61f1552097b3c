"""`baton explain`: a recorded decision for people, from the database, without a running service."""

from __future__ import annotations

import json
import sqlite3
import sys

import pytest

from models.cli import main
from serving.api.decisions import DecisionAnswer


@pytest.fixture
def baton(monkeypatch, capsys, tmp_path, tiny_bundle):
    """Run the command in this process: its exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("BATON_DATABASE_URL", f"sqlite:///{tmp_path}/baton.db")
    monkeypatch.setenv("BATON_BUNDLE", str(tiny_bundle))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["baton", "explain", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        written = capsys.readouterr()
        return left.value.code or 0, written.out, written.err

    return run


@pytest.fixture
def answer(client, say):
    """A recorded answer: a lawyer is named, so the policy escalates."""
    rules = [
        {"id": "money", "when": {"topic": {"labels": ["refund"], "threshold": 0.99}}, "then": "offer"},
        {"id": "law", "when": {"keyword": {"terms": ["lawyer"]}}, "then": "escalate", "message": "One [b]moment[/b]."},
    ]
    client.post("/v1/policies", json={"name": "shop", "rules": rules})
    client.post("/v1/policies/shop/activate", json={"version": 1})
    return client.post("/v1/score", json=say("my [red]lawyer[/red] will\x1b[2J call")).json()


def test_it_says_what_was_decided_and_why(baton, answer):
    """Reason code and rule, the sentence, what the customer read, policy, bundle and replay are told."""
    code, out, err = baton(answer["decision_id"])
    lines = [line.strip() for line in out.splitlines()]

    assert (0, "") == (code, err)
    assert "escalate  policy (law)" == lines[0]
    told = dict(line.split(maxsplit=1) for line in lines[1:] if " " in line)
    assert answer["reason"]["sentence"] == told["why"]
    assert "One [b]moment[/b]." == told["says"]
    assert told["policy"].startswith(f"{answer['versions']['policy']} (")
    assert ("tiny-1", "identical") == (told["bundle"], told["replay"])


def test_every_trigger_is_a_row(baton, answer):
    """Each trigger is shown with its rule, status, value, operator and threshold, margin and evidence."""
    _, out, _ = baton(answer["decision_id"])
    rows = [line.split() for line in out.splitlines()]

    assert ["rule", "trigger", "status", "value", "operator", "threshold", "margin", "evidence"] in rows
    for report in answer["triggers"]:
        row = next(row for row in rows if row[:3] == [report["rule_id"], report["name"], report["status"]])
        assert report["operator"] is None or report["operator"] in row
    assert any("lawyer" in cell for row in rows if row[:1] == ["law"] for cell in row[4:])


def test_a_narrow_terminal_cuts_nothing(baton, answer, monkeypatch):
    """Where the table is wider than the terminal its cells are folded; no name and no number is cut."""
    monkeypatch.setenv("COLUMNS", "80")
    assert "\u2026" not in baton(answer["decision_id"])[1]


def test_what_people_wrote_moves_no_cursor(baton, answer):
    """Control characters and markup in texts are shown as what they are, or not at all."""
    _, out, _ = baton(answer["decision_id"])

    assert "\x1b" not in out
    assert "my [red]lawyer[/red] will[2J call" in out


def test_json_is_what_the_service_answers(baton, client, answer):
    """--json prints what GET /v1/decisions answers."""
    code, out, _ = baton(answer["decision_id"], "--json")

    assert 0 == code
    DecisionAnswer.model_validate(json.loads(out))
    assert client.get(f"/v1/decisions/{answer['decision_id']}").json() == json.loads(out)


def test_a_decision_that_comes_out_otherwise_is_told(baton, answer, tmp_path):
    """When the record and the policy disagree, the fields are named."""
    with sqlite3.connect(tmp_path / "baton.db") as database:
        database.execute("UPDATE decisions SET response = json_set(response, '$.decision', 'offer')")
    database.close()

    assert "differs in decision" in baton(answer["decision_id"])[1]


def test_an_unknown_id_is_an_error(baton, answer):
    """A decision that isn't recorded is one line on standard error and exit 1."""
    code, out, err = baton("d-nothing")

    assert (1, "") == (code, out)
    assert 1 == len(err.splitlines())
    assert "no decision 'd-nothing' is recorded" in err


def test_without_a_database_it_says_so(baton, tmp_path):
    """Where there is no database none is made, and the error says where it was looked for."""
    code, _, err = baton("d-1")

    assert 1 == code
    assert "baton.db" in err
    assert "set BATON_DATABASE_URL" in err
    assert not (tmp_path / "baton.db").exists()
