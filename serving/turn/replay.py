"""A recorded decision, taken again from its record: the same state, scores and message under the same policy."""

from __future__ import annotations

import json

from models.contracts import Decision
from models.conversation import wants_draft
from models.errors import InputError
from models.policy.engine import Turn, decide
from models.policy.schema import Policy
from models.policy.state import from_json
from serving.store.decisions import RecordedDecision
from serving.turn.joined import join
from serving.turn.rows import message_of, scores_from_json


def take_again(recorded: RecordedDecision, policy: Policy) -> Decision:
    """Return what a policy decides on what was recorded; under the policy that decided it is the recorded decision.

    Raises:
        InputError: another release wrote the record, in a form that this one can't read.
    """
    facts = json.loads(recorded.request)
    state = from_json(json.loads(recorded.state_before))
    decision: Decision | None = None
    for row in recorded.messages:
        if decision is not None and not wants_draft(decision):
            break
        scores = scores_from_json(row.scores) if row.scores else None
        outcome = decide(Turn(message=message_of(row), scores=scores, **facts), state, policy)
        decision = outcome.decision if decision is None else join(decision, outcome.decision)
        state = outcome.state
    if decision is None:
        raise InputError(f"the messages of decision {recorded.id} are gone; restore the database from a backup")
    return decision
