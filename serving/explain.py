"""``baton explain``: a recorded decision for people, read from the database without a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.bundle import DEFAULT_PATH, Bundle
from models.scorer import Scorer
from models.text import normalise
from serving.api.decisions import explainer
from serving.policies import Policies, shipped
from serving.settings import Settings
from serving.store.engine import Store

_COLOURS: Final = {"continue": "green", "offer": "yellow", "escalate": "red"}
_COLUMNS: Final = ("rule", "trigger", "status", "value", "operator", "threshold", "margin", "evidence")
_DIGITS: Final = 4


def recall(settings: Settings, decision_id: str) -> dict[str, Any]:
    """Return a recorded decision, taken again, as ``GET /v1/decisions`` does.

    Raises:
        DecisionNotFound: none of this id is recorded.
        StoreUnavailable: there is no database where the settings say, or not of this version.
        BundleError: the bundle can't be used.
    """
    store = Store(settings.database_url, timeout_seconds=settings.database_timeout_seconds, create=False)
    bundle = Bundle.load(settings.bundle or DEFAULT_PATH)
    scorer = Scorer(bundle)
    try:
        return explainer(store, Policies(scorer, base=shipped(), shipped=shipped()), bundle.label)(decision_id)
    finally:
        scorer.close()
        store.close()


def show(told: Mapping[str, Any], console: Console) -> None:
    """Print a decision; what customers and policies wrote is no markup and moves no cursor."""
    answer = told["answer"]
    colour = _COLOURS[answer["decision"]]
    reason = f"  {answer['reason']['code']} ({_plain(answer['reason']['rule_id'])})" if answer["reason"] else ""
    held = f"  [dim]held back: {answer['suppressed']}[/dim]" if answer["suppressed"] else ""
    console.print(f"[bold {colour}]{answer['decision']}[/bold {colour}]{reason}{held}")
    for name, value in _lines(told):
        console.print(f"  {name:9} {_plain(value)}", highlight=False, soft_wrap=True)
    console.print(_table(answer["triggers"]))
    for flip in answer["would_flip_if"]:
        change = f"{_plain(flip['what'])} went from {_number(flip['from'])} to {_number(flip['to'])}"
        console.print(f"would be {flip['decision']} if {change}", highlight=False, soft_wrap=True)


def _lines(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    answer, again = told["answer"], told["replayed"]
    if answer["reason"]:
        yield "why", answer["reason"]["sentence"]
    if answer["text"]:
        yield "says", answer["text"]
    for message in told["messages"]:
        yield message["role"], message["text"]
    yield "decision", f"{told['decision_id']}, {told['created_at']:%Y-%m-%d %H:%M:%S} UTC, phase {answer['phase']}"
    yield "where", f"bot {told['bot_id']}, conversation {told['conversation_id']}, message {told['message_id']}"
    yield "policy", f"{told['policy']} ({told['policy_fingerprint']})"
    yield "bundle", told["bundle"]
    if answer["degraded"]:
        yield "degraded", ", ".join(answer["degraded"])
    if told["shadow"] is not None:
        shadow = told["shadow"]
        yield "shadow", f"{shadow['action'] or 'failed'} under {shadow['policy_fingerprint'][:8]}"
    outcome = {True: "identical", False: f"differs in {', '.join(again['differs'])}", None: "not possible"}
    yield "replay", "; ".join(part for part in (outcome[again["identical"]], again["problem"]) if part)


def _table(triggers: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")  # in a narrow terminal nothing is cut
    for report in triggers:
        cells = (
            report["rule_id"],
            report["name"],
            report["status"],
            _number(report["value"]),
            report["operator"] or "",
            _number(report["threshold"]),
            _number(report["margin"]),
            json.dumps(report["evidence"], ensure_ascii=False) if report["evidence"] else "",
        )
        table.add_row(*map(_plain, cells), style="" if report["status"] == "fired" else "dim")
    return table


def _number(value: float | str | None) -> str:
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    return "" if value is None else str(value)


def _plain(text: str) -> str:
    return escape(normalise(text))
