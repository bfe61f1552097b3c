"""The one decision of a call that carries the customer's message and the bot's draft."""

from __future__ import annotations

from dataclasses import replace

from models.contracts import Action, Decision, Flip
from models.policy.explain import MAX_FLIPS


def join(pre: Decision, post: Decision) -> Decision:
    """Return the decision of a message and its draft.

    The draft is only looked at after ``continue``, so the later decision holds; what the earlier one saw is reported too.
    """
    return replace(
        post,
        reasons=(*pre.reasons, *post.reasons),
        degraded=tuple(dict.fromkeys((*pre.degraded, *post.degraded))),
        triggers=(*pre.triggers, *post.triggers),
        would_flip_if=_flips(pre, post),
    )


def _flips(pre: Decision, post: Decision) -> tuple[Flip, ...]:
    """Return the smallest changes that flip a joined decision.

    What would have flipped the ``continue`` of the message says nothing of a decision that the draft brought about.
    """
    if post.decision is not Action.CONTINUE:
        return post.would_flip_if
    flips = (*pre.would_flip_if, *post.would_flip_if)
    return tuple(sorted(flips, key=lambda flip: abs(flip.to - flip.value))[:MAX_FLIPS])
