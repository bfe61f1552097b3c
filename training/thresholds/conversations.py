"""Plays labelled conversations through scorer and policy, and measures what the policy does: in three ways, late, needlessly.

Every message is scored once, in the conversation as it was written; any number of policies are then decided on those scores.
What the bot would have said otherwise nobody knows, so after an offer or an escalation the written conversation goes on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from models.contracts import Action, Message, Role, Scores
from models.conversation import score_request
from models.policy.engine import Turn, decide
from models.policy.schema import Policy, default_policy, parse_policy
from models.policy.state import NEW
from models.scorer import Scorer
from models.similarity import CompiledLabels
from training import metrics
from training.sources.written import CONVERSATIONS, TAUGHT, read_written_conversations

ACTIONS = ("continue", "offer", "escalate")
# Messages come this far apart: nobody wrote down when they were sent.
PACE = timedelta(seconds=20)
_START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TOLERANCES = (1, 2, 3)
# the words of a page that people start from, and what they find of our conversations
_KEYWORDS = ("speak to human", "talk to agent", "real person", "manager", "supervisor", "complaint", "lawyer", "legal")
_FLOORS = {
    "never": "rules: []",
    "always": "rules: [{id: always, then: escalate, when: {time: {max_messages: 0}}}]",
    "keywords": f"rules: [{{id: words, then: escalate, when: {{keyword: {{terms: {json.dumps(_KEYWORDS)}}}}}}}]",
    "explicit only": "rules: [{id: explicit, then: escalate, when: {explicit: {threshold: 0.8}}}]",
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A conversation with, per message, what a good bot does after it (``None``: not a customer's) and its scores."""

    id: str
    language: str
    messages: tuple[Message, ...]
    gold: tuple[str | None, ...]
    reasons: tuple[str | None, ...]
    scores: tuple[Scores | None, ...] = ()


def read_conversations(split: str, folder: Path = CONVERSATIONS) -> Iterator[Labelled]:
    """Yield the conversations of ``tune`` or ``held_out``, not yet scored.

    Those that taught the networks are left out: on them scores are better than they will be on new customers.
    """
    for name, record in read_written_conversations(folder):
        if record["split"] == split and (split != "tune" or name not in TAUGHT):
            yield _labelled(record)


def _labelled(record: Mapping[str, Any]) -> Labelled:
    turns = record["turns"]
    messages = tuple(
        Message(
            id=f"m-{number}",
            role=Role(turn["role"]),
            text=turn["text"],
            at=_START + number * PACE,
            fallback=turn.get("fallback", False),
            passages=tuple(turn.get("passages", ())),
        )
        for number, turn in enumerate(turns)
    )
    gold, reasons = (tuple(turn.get(name) for turn in turns) for name in ("gold", "reason"))
    return Labelled(record["id"], record["language"], messages, gold, reasons)


def score_conversations(
    scorer: Scorer, conversations: Sequence[Labelled], labels: CompiledLabels | None = None
) -> list[Labelled]:
    """Return the conversations with the scores of every message in its place; ``labels`` are a policy's own."""
    nothing = parse_policy("name: nothing\nrules: []\n", "nothing")
    scored = []
    for conversation in tqdm(conversations, desc="conversations", unit="conversation", mininterval=5.0):
        state, found = NEW, []
        for message in conversation.messages:
            request = score_request(message, state, labels)
            scores = None if request is None else scorer.score([request])[0]
            found.append(scores)
            state = decide(Turn(message=message, scores=scores), state, nothing, explain=False).state
        scored.append(replace(conversation, scores=tuple(found)))
    return scored


@dataclass(frozen=True, slots=True)
class Judged:
    """One customer message: gold and predicted action, and the rule or the gold reason to blame where they differ."""

    conversation: str
    number: int
    gold: str
    predicted: str
    blame: str


def play(conversation: Labelled, policy: Policy) -> list[Judged]:
    """Return what a policy does after each customer message.

    What it does on the bot's draft counts with the customer message after it, which is where the gold labels mark it; behind
    the last one, with the one before.
    """
    state = NEW
    rows: list[Judged] = []
    waiting: tuple[Action, str] | None = None
    number = 0
    for message, scores, gold, reason in zip(
        conversation.messages, conversation.scores, conversation.gold, conversation.reasons, strict=True
    ):
        outcome = decide(Turn(message=message, scores=scores), state, policy, explain=False)
        state, decision = outcome.state, outcome.decision
        rule = decision.reason.rule_id if decision.reason else str(decision.suppressed or reason or "")
        if gold is None:
            if decision.decision is not Action.CONTINUE:
                waiting = (decision.decision, rule)
            continue
        number += 1
        action = decision.decision
        if waiting is not None:
            action, rule = max((action, rule), waiting, key=lambda pair: ACTIONS.index(pair[0].value))
            waiting = None
        rows.append(Judged(conversation.id, number, gold, action.value, rule))
    if waiting is not None and rows:
        last = rows[-1]
        stronger = max(last.predicted, waiting[0].value, key=ACTIONS.index)
        if stronger != last.predicted:
            rows[-1] = Judged(last.conversation, last.number, last.gold, stronger, waiting[1])
    return rows


def transfer_within_tolerance(predicted: Sequence[int], gold: Sequence[int], tolerance: int) -> float:
    """Return Golden-Transfer-within-Tolerance of one conversation, in [0, 1].

    Mean over predicted p of the best ``exp(-(p - q)^2 / (2 (T + 1e-7)^2))`` over gold q; both empty is 1, one empty is 0.
    Source: Liu et al. 2021, "Time to Transfer" (arXiv 2012.07258), with tolerances 1, 2, 3 for GT-I, II, III.
    """
    if not predicted or not gold:
        return float(not predicted and not gold)
    width = 2.0 * (tolerance + 1e-7) ** 2
    return float(np.mean([max(np.exp(-((p - q) ** 2) / width) for q in gold) for p in predicted]))


def measure(conversations: Sequence[Labelled], policy: Policy) -> dict[str, Any]:
    """Return all figures of a policy: three ways, first handoff against gold, confusions by blame."""
    played = [play(conversation, policy) for conversation in conversations]
    rows = [row for judged in played for row in judged]
    groups = [row.conversation for row in rows]
    gold = np.asarray([ACTIONS.index(row.gold) for row in rows])
    predicted = np.asarray([ACTIONS.index(row.predicted) for row in rows])
    report: dict[str, Any] = {
        "policy": policy.label,
        "conversations": len(conversations),
        "n": len(rows),
        "accuracy": metrics.figure(lambda a, b: metrics.mean(a == b), gold, predicted, groups=groups),
        "macro_f1": metrics.figure(_macro_f1, gold, predicted, groups=groups),
    }
    for place, name in enumerate(("precision", "recall", "f1")):
        report[f"escalate_{name}"] = metrics.figure(
            lambda a, b, place=place: metrics.precision_recall_f1(a == 2, b == 2)[place],
            gold,
            predicted,
            groups=groups,
        )
    report |= _handoffs(played)
    confusions = Counter((row.gold, row.predicted, row.blame) for row in rows if row.gold != row.predicted)
    report["confusions"] = [
        {"gold": gold, "predicted": predicted, "blame": blame, "n": count}
        for (gold, predicted, blame), count in confusions.most_common()
    ]
    return report


def _macro_f1(gold: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean([metrics.precision_recall_f1(gold == k, predicted == k)[2] for k in range(len(ACTIONS))]))


def _handoffs(played: Sequence[Sequence[Judged]]) -> dict[str, Any]:
    """First handoffs against gold: needless ones per 100 conversations without gold, missed, messages late, tolerance."""
    first = [
        (
            [row.number for row in judged if row.predicted == "escalate"][:1],
            [row.number for row in judged if row.gold == "escalate"][:1],
        )
        for judged in played
    ]
    without = [bool(found) for found, wanted in first if not wanted]
    late = [found[0] - wanted[0] for found, wanted in first if found and wanted]
    report: dict[str, Any] = {
        "needless_per_100": metrics.figure(lambda values: 100 * metrics.mean(values), np.asarray(without, dtype=float)),
        "missed": sum(bool(wanted and not found) for found, wanted in first),
        "messages_late": metrics.rounded(metrics.mean([max(0, value) for value in late])),
        "messages_early": metrics.rounded(metrics.mean([max(0, -value) for value in late])),
    }
    for tolerance in TOLERANCES:
        values = np.asarray([transfer_within_tolerance(*pair, tolerance) for pair in first])
        report[f"gt_{tolerance}"] = metrics.figure(metrics.mean, values)
    return report


def floors() -> dict[str, Policy]:
    """Return the simple policies that any other is measured beside."""
    return {name: parse_policy(f"name: {name.replace(' ', '-')}\n{rules}\n", name) for name, rules in _FLOORS.items()}


def compare(conversations: Sequence[Labelled], policy: Policy | None = None) -> dict[str, dict[str, Any]]:
    """Return the figures of a policy, the default one if absent, and of the simple ones, by name."""
    chosen = policy or default_policy()
    return {chosen.name: measure(conversations, chosen)} | {
        f"({name})": measure(conversations, floor) for name, floor in floors().items()
    }


def table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the comparison as a Markdown table."""
    names = {
        "macro_f1": "macro F1", "accuracy": "accuracy", "escalate_precision": "escalate P", "escalate_recall": "escalate R",
        "needless_per_100": "needless per 100", "missed": "missed", "messages_late": "messages late",
        "messages_early": "messages early", "gt_1": "GT-I",
        "gt_2": "GT-II", "gt_3": "GT-III",
    }  # fmt: skip
    lines = ["| policy | " + " | ".join(names.values()) + " |", "|" + " --- |" * (len(names) + 1)]
    for policy, found in figures.items():
        lines.append(f"| {policy} | " + " | ".join(_shown(found[name]) for name in names) + " |")
    return "\n".join(lines)


def _shown(figure: Any) -> str:
    if not isinstance(figure, Mapping):
        return "" if figure is None else f"{figure:g}"
    if figure["value"] is None:
        return ""
    return f"{figure['value']:.3g} ({figure['low']:.3g} to {figure['high']:.3g})"
