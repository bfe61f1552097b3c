"""Anything that a policy, a message, its scores and a conversation may be, for the property tests.

Everything is drawn from a ``random.Random`` that hypothesis seeds (``chances``). Values come from a coarse grid, and so do
thresholds, so that boundaries are met often.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from models.contracts import Language, ReasonCode, Role, Scores, ScoreStatus, Sentiment
from models.conversation import Prepared, next_request
from models.policy.engine import Turn, decide
from models.policy.schema import Policy
from models.policy.state import Armed, Collecting, ConversationState, Mood, Offer, Question
from models.scorer import joined
from tests.models.policy.builders import START, agent, bot, customer, ranked

# an example is one number: many policies a second, without shrinking; `use_true_random=False` shrinks
chances = st.randoms(use_true_random=True)

TEXTS = (
    "where is my order", "where is my order 4711", "yes", "no thanks", "I want a human", "no human please", "refund now",
    "thanks, that solved it", "agent", "alpha", "beta and alpha", "quiero hablar con una persona",
)  # fmt: skip
ANSWERS = ("On its way.", "I don't know.", "Which order?")
INTENTS = ("affirm", "deny", "thanks_bye", "order_status", "provide_info", "demand_refund")
TOPICS = ("demand_refund", "legal_threat")
OWN = ("ours", "theirs")
HEARD = ("not_helped", "insists", "resolved")
SAID = ("bot_cannot", "bot_offers_person")
GUIDELINES = ("The customer is angry about billing", "The customer wants to add a driver")
GRID = (0.0, 0.2, 0.3, 0.5, 0.6, 0.8, 1.0)
SIGNED = (-1.0, -0.8, -0.6, -0.5, -0.2, 0.0, 0.4, 1.0)
WAITS = (30.0, 60.0, 600.0)
QUEUES = ({}, {"wait_seconds": 900}, {"wait_seconds": 901, "open": True}, {"wait_seconds": 1, "open": False})

# what one run of the scorer's graph gives together
# who speaks, how often
BOTH = ("customer", "customer", "customer", "bot", "bot")
EVERYBODY = (*BOTH, *BOTH, "agent")

TEXT = ("intents", "out_of_scope", "explicit", "sentiment", "frustration", "topics", "custom")
_KNOWN = {Role.CUSTOMER: (*TEXT, "dialogue"), Role.BOT: ("dialogue", "confidence"), Role.AGENT: ()}


def _some(chance, values, most=3):
    return chance.sample(values, chance.randint(1, min(most, len(values))))


def _threshold(chance):
    """A threshold, or none so that the bundle's counts."""
    return {} if chance.random() < 0.3 else {"threshold": chance.choice(GRID)}


def _clauses(chance, clauses):
    """One or more of a trigger's clauses."""
    return {name: clauses[name] for name in _some(chance, sorted(clauses))}


def _bot_did(chance):
    return {"after_bot": {"labels": _some(chance, SAID), "threshold": chance.choice(GRID)}}


def _sentiment(chance):
    window = {"messages": chance.randint(2, 3), "below": chance.choice(SIGNED)}
    return _clauses(chance, {"below": chance.choice(SIGNED), "streak": chance.randint(1, 3), "window": window})


def _topic(chance):
    terms = {"terms": ["alpha"]} if chance.random() < 0.3 else {}
    return {"labels": _some(chance, (*TOPICS, *OWN)), **_threshold(chance), **terms}


def _counts(chance):
    return {"max_fallbacks": chance.randint(1, 3), "max_loops": chance.randint(2, 3)}


def _time(chance):
    seconds = {"max_duration_seconds": chance.choice((0.0, 60.0, 900.0))}
    return _clauses(chance, seconds | {"max_messages": chance.randint(0, 6), "max_bot_responses": chance.randint(1, 4)})


def _memory(chance):
    flags = [{name: True} for name in ("offer_pending", "offer_declined", "offer_made", "after_fallback")]
    return chance.choice([*flags, {"fired": ["r0"]}, {"after_confidence_below": chance.choice(GRID)}, _bot_did(chance)])


def _context(chance):
    return chance.choice(
        (
            {"field": "customer.tier", "equals": "vip"},
            {"field": "context.order", "exists": False},
            {"field": "language", "in": ["en", "de"]},
            {"field": "channel", "not_in": ["web"]},
        )
    )


EITHER = {
    "repetition": lambda chance: _clauses(chance, _counts(chance)),
    "time": _time,
    "risk": lambda chance: {"threshold": chance.choice(GRID)},
    "turn": _memory,
    "context": _context,
}
OF_CUSTOMERS = {
    "keyword": lambda chance: {"terms": [chance.choice(("alpha", "refund", "order"))]},
    "explicit": lambda chance: {**_threshold(chance), "use_model": chance.random() < 0.8},
    "intent": lambda chance: {"labels": _some(chance, (*INTENTS, *OWN)), **_threshold(chance)},
    "topic": _topic,
    "dialogue": lambda chance: {
        "labels": _some(chance, HEARD),
        **_threshold(chance),
        "times": chance.choice((1, 1, 2)),
    },
    "sentiment": _sentiment,
    "frustration": lambda chance: {"at_least": chance.choice(GRID)},
    "guideline": lambda chance: {"text": chance.choice(GUIDELINES), **_threshold(chance)},
    "repetition": lambda chance: _clauses(chance, {**_counts(chance), "max_retries": chance.randint(2, 3)}),
}
OF_BOTS = {
    "confidence": lambda chance: {
        "threshold": chance.choice(GRID),
        "consecutive_low_turns": chance.choice((1, 1, 2, 3)),
    },
    "dialogue": lambda chance: {"labels": _some(chance, SAID), **_threshold(chance)},
}


def _condition(chance, triggers, depth=2):
    kind = chance.choice(("leaf", "leaf", "all", "any", "not")) if depth else "leaf"
    if kind == "leaf":
        name = chance.choice(sorted(triggers))
        return {name: triggers[name](chance)}
    if kind == "not":
        return {"not": _condition(chance, triggers, depth - 1)}
    return {kind: [_condition(chance, triggers, depth - 1) for _ in range(chance.randint(1, 3))]}


def any_condition(chance):
    """A condition over what can be looked at together."""
    own = OF_CUSTOMERS if chance.random() < 0.7 else OF_BOTS
    return _condition(chance, EITHER | own if chance.random() < 0.5 else own)


def _timing(chance):
    mode = chance.choice(("immediate", "immediate", "after_wait", "sla_aware"))
    if mode == "after_wait":
        return {"mode": mode, "wait_seconds": chance.choice(WAITS)}
    if mode == "sla_aware":
        late, closed = chance.choices(("offer", "callback", "escalate"), k=2)
        return {"mode": mode, "when_late": late, "when_closed": closed}
    return {"mode": mode}


def any_rule(chance, name, priority=None):
    """One rule of any kind."""
    then, timing = chance.choice(("escalate", "escalate", "offer")), _timing(chance)
    body = {
        "id": name,
        "when": any_condition(chance),
        "then": then,
        "priority": chance.choice((1, 5, 5, 9)) if priority is None else priority,
        "enabled": chance.random() < 0.9,
    }
    if chance.random() < 0.5:
        body["message"] = f"The text of {name}."
    if then == "escalate" or timing["mode"] != "sla_aware":
        body["timing"] = timing
    if then == "escalate":
        if chance.random() < 0.3 and timing["mode"] != "after_wait":
            body["collect"] = _some(chance, ("context.order", "customer.tier"))
        if chance.random() < 0.2:
            body["also"] = [{"type": "slack", "webhook_url": "https://example.org/hook"}]
    return body


def any_policy(chance, *, untied=False, **fields):
    """Any policy; ``untied``: no two of its rules have one priority."""
    count = chance.randint(1, 6)
    places = chance.sample(range(1000), count) if untied else [None] * count
    document = {
        "name": "any",
        "on_error": chance.choice(("continue", "offer", "escalate")),
        "labels": {name: {"description": f"The customer speaks of {name}", **_threshold(chance)} for name in OWN},
        "rules": [any_rule(chance, f"r{number}", place) for number, place in enumerate(places)],
    }
    bundle = {label: chance.choice(GRID) for label in (*INTENTS, *TOPICS, *OWN, "explicit") if chance.random() < 0.4}
    return Policy.model_validate(document | fields).bound(bundle)


def _labels(chance, labels):
    return ranked({label: chance.choice(GRID) for label in labels})


def _without_some(chance, found, most):
    """Some scores don't exist, or not for this message."""
    lacking = chance.sample(sorted(found), chance.choice((0, 0, chance.randint(0, most))))
    why = {name: chance.choice((ScoreStatus.NOT_AVAILABLE, ScoreStatus.UNSUPPORTED_LANGUAGE)) for name in lacking}
    return {name: value for name, value in found.items() if name not in why}, why


def any_scores_of_customer(chance, policy, n_questions):
    """All that a scorer could say of a customer's message."""
    mood = Sentiment(score=chance.choice(SIGNED), label=chance.choice(("negative", "negative", "neutral", "positive")))
    found, lacking = _without_some(
        chance,
        {
            "intents": _labels(chance, INTENTS),
            "out_of_scope": chance.choice(GRID),
            "explicit": chance.choice(GRID),
            "sentiment": mood,
            "frustration": chance.choice(GRID),
            "topics": _labels(chance, TOPICS),
            "custom": _labels(chance, [label.name for label in policy.custom_labels]),
            "dialogue": _labels(chance, HEARD),
            "risk": chance.choice(GRID),
        },
        3,
    )
    if "intents" in found:
        found |= {"embedding": b"\x01\x02", "repeats": tuple(chance.choices(GRID, k=n_questions))}
    languages = (None, Language(code="en", probability=0.9), Language(code="es", probability=0.9))
    return Scores(
        **found,
        declined_phrase=chance.choice((None, None, None, "no human")),
        language=chance.choice(languages),
        status={"confidence": ScoreStatus.NOT_AVAILABLE, **lacking},
    )


def any_scores_of_bot(chance):
    """All that a scorer could say of a bot's draft."""
    found, lacking = _without_some(
        chance, {"confidence": chance.choice(GRID), "dialogue": _labels(chance, SAID), "risk": chance.choice(GRID)}, 2
    )
    return Scores(**found, status=dict.fromkeys(TEXT, ScoreStatus.NOT_AVAILABLE) | lacking)


def any_turn(chance, policy, state, *, number=0, seconds=None, roles=BOTH):
    """Any message in a conversation, with all its scores."""
    role = chance.choice(roles)
    queue = {"queue": chance.choice(QUEUES)}
    known = {
        "customer": chance.choice(({}, {"tier": "vip"}, {"tier": "vip", "language": "de"})),
        "channel": chance.choice((None, "web", "mail")),
        "context": queue | chance.choice(({}, {}, {"order": 4711})),
    }
    at = {"id": f"n-{number}", "seconds": chance.choice((-50, 0, 30, 31, 61, 1000)) if seconds is None else seconds}
    if role == "agent":
        return Turn(message=agent(**at), scores=None, **known)
    if role == "customer":
        message = customer(chance.choice(TEXTS), **at)
        return Turn(message=message, scores=any_scores_of_customer(chance, policy, len(state.questions)), **known)
    own = chance.choice((None, *GRID))
    message = bot(chance.choice(ANSWERS), confidence=own, fallback=chance.random() < 0.4, **at)
    return Turn(message=message, scores=any_scores_of_bot(chance), **known)


def any_state(chance, policy):
    """Any state that a conversation under a policy could be in."""
    names = [rule.id for rule in policy.rules]
    offered = chance.choice((None, None, "pending", "declined", "lapsed"))
    asked = chance.choice((None, None, None, *names))
    armed = chance.sample(names, chance.choice((0, 0, min(2, len(names)))))
    return ConversationState(
        control=chance.choice(("bot",) * 8 + ("pending_handoff", "agent")),
        started_at=START - timedelta(seconds=chance.choice((0, 10, 900))),
        n_messages=chance.randint(0, 5),
        n_bot_responses=chance.randint(0, 3),
        n_fallbacks=chance.randint(0, 2),
        last_customer_text="where is my order",
        last_bot_text=chance.choice((None, "Which order?")),
        last_bot_dialogue=chance.choice((None, (("bot_cannot", chance.choice(GRID)),))),
        last_intent=chance.choice((None, "order_status")),
        last_answer_fallback=chance.random() < 0.5,
        last_answer_confidence=chance.choice((None, *GRID)),
        questions=chance.choice(((), (Question("q-1", "k"),), (Question("q-1", "k", b"\x01"), Question("q-2", "l")))),
        dialogues=chance.choice(((), ((("not_helped", 0.8), ("insists", 0.2)),))),
        moods=chance.choice(((), (Mood(-0.8, "negative"),), (Mood(-0.6, "negative"),) * 2)),
        confidences=chance.choice(((), (0.2,), (0.2, 0.3))),
        exchanges=chance.choice(((), ("a:b",), ("a:b", "a:b"))),
        offer=Offer(offered, chance.choice(names), ReasonCode.POLICY) if offered else None,
        fired=chance.choice(((), ("r0",))),
        armed=tuple(Armed(name, START - timedelta(seconds=chance.choice((0, 30, 700))), "m-0") for name in armed),
        collecting=Collecting(asked, ReasonCode.POLICY, START - timedelta(seconds=chance.choice((0, 400))))
        if asked
        else None,
    )


def any_conversation(chance, policy, *, most=8, roles=BOTH):
    """Turns of a conversation under a policy, each with scores that fit the state before it, or none at all."""
    turns, state, seconds = [], ConversationState(), 0
    for number in range(chance.randint(1, most)):
        seconds += chance.choice((-10, 0, 0, 1, 29, 30, 31, 600))
        turn = any_turn(chance, policy, state, number=number, seconds=seconds, roles=roles)
        if chance.random() < 0.1:
            turn = replace(turn, scores=None)
        turns.append(turn)
        state = decide(turn, state, policy, explain=False).state
    return turns


def masked(scores, role, heads):
    """Scores of which only some heads were asked for; of the others nobody knows yet whether there is one."""
    skipped = [head for head in _KNOWN[role] if head not in heads]
    gone = dict.fromkeys(skipped)
    if "intents" in skipped:
        gone |= {"embedding": None, "repeats": ()}
    return replace(scores, status=dict(scores.status) | dict.fromkeys(skipped, ScoreStatus.SKIPPED), **gone)


def eager(policy):
    """The same document, evaluated in full."""
    return policy.model_copy(update={"evaluation": "full"})


def fetch(turn, state, policy, *, together=True):
    """Fetch the scores that a policy asks for, step by step: the turn with them, and what was asked for.

    Args:
        turn: with all the scores that there are.
        state: the conversation before it.
        policy: a lazy one.
        together: a graph that runs gives all that it has, as the scorer's does; else what was asked for and nothing more.
    """
    known, asked = replace(turn, scores=None), []
    while (request := next_request(known, state, Prepared(policy))) is not None:
        assert request.heads not in asked, f"asked for {sorted(request.heads)} again"
        asked.append(request.heads)
        heads = request.heads | set(TEXT) if together and request.heads & set(TEXT) else request.heads
        known = replace(known, scores=joined(known.scores, masked(turn.scores, turn.message.role, heads)))
    return known, asked
