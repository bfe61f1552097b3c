"""Labels that nobody trained (rows S-05, L-07, L-18): named by the policy, heard like any other; thresholds of the bundle (X-01)."""

import pickle

import pytest

from models.contracts import Action, ScoreStatus, TriggerStatus
from models.errors import PolicyError
from models.policy.schema import parse_policy
from models.policy.triggers.check import FALLBACK_THRESHOLD
from tests.models.policy.builders import as_json, bot, customer, policy_of, ranked, report_of, rule, scored, take

BUYING = {"description": "The customer wants to buy a plan", "examples": ["what does pro cost", "can I get ten seats"]}
OWN = {"buying-intent": BUYING, "cancellation-intent": {"examples": ["I want out"], "threshold": 0.7}}
BOTH = {"intent": {"labels": ["buying-intent", "cancellation-intent"]}}


def custom(**probabilities):
    """Scores of the policy's own labels; underscores stand for hyphens."""
    return ranked({name.replace("_", "-"): value for name, value in probabilities.items()})


@pytest.mark.parametrize("trigger", ["intent", "topic"])
@pytest.mark.parametrize(("value", "expected"), [(0.6999, "continue"), (0.7, "escalate"), (0.7001, "escalate")])
def test_labels_you_provide_fire_like_trained_ones(trigger, value, expected):
    """S-05, L-07, L-18: an intent or topic rule hears the policy's own label, from its own threshold on."""
    policy = policy_of(rule({trigger: {"labels": ["cancellation-intent"]}}), labels=OWN)
    outcome = take(policy, customer(), scored(custom=custom(cancellation_intent=value)))
    found = report_of(outcome, trigger)
    assert (expected, value, 0.7, "cancellation-intent") == (
        outcome.decision.decision, found.value, found.threshold, found.evidence["label"],
    )  # fmt: skip


def test_own_and_trained_labels_stand_in_one_rule():
    """S-05: the best margin tells which label it was; the evidence holds all of them."""
    policy = policy_of(rule({"intent": {"labels": ["cancellation-intent", "report_bug"]}}), labels=OWN)
    scores = scored(intents={"report_bug": 0.79, "affirm": 0.9}, custom=custom(cancellation_intent=0.71))
    found = report_of(take(policy, customer(), scores), "intent")
    assert ("cancellation-intent", 0.7, TriggerStatus.FIRED) == (
        found.evidence["label"], found.threshold, found.status,
    )  # fmt: skip
    assert {"cancellation-intent": 0.71, "report_bug": 0.79} == found.evidence["labels"]


def test_what_one_head_lacks_the_other_may_have():
    """S-05: a bundle that can't score custom labels leaves them out, and the trained ones count; with neither nothing is known."""
    policy = policy_of(rule({"intent": {"labels": ["cancellation-intent", "report_bug"]}}), labels=OWN)
    status = {"custom": ScoreStatus.NOT_AVAILABLE}
    heard = report_of(take(policy, customer(), scored(intents={"report_bug": 0.8}, status=status)), "intent")
    deaf = report_of(take(policy, customer(), scored(status=status)), "intent")
    assert (TriggerStatus.FIRED, TriggerStatus.NOT_AVAILABLE) == (heard.status, deaf.status)
    assert "not_available" == deaf.evidence["status"]


@pytest.mark.parametrize(
    ("trigger", "label", "bundle", "expected"),
    [
        ({"threshold": 0.9}, {"threshold": 0.7}, 0.4, 0.9),
        ({"thresholds": {"ours": 0.95}, "threshold": 0.9}, {"threshold": 0.7}, 0.4, 0.95),
        ({}, {"threshold": 0.7}, 0.4, 0.7),
        ({}, {"threshold": 0.0}, 0.4, 0.0),
        ({}, {}, 0.4, 0.4),
        ({}, {}, None, 0.8),
    ],
)
def test_whose_threshold_counts(trigger, label, bundle, expected):
    """X-01: the trigger's for the label, the trigger's, the label's own, the bundle's, at last 0.8."""
    policy = policy_of(
        rule({"intent": {"labels": ["ours"], **trigger}}), labels={"ours": {"description": "x", **label}}
    )
    bound = policy.bound({} if bundle is None else {"ours": bundle})
    assert expected == report_of(take(bound, customer(), scored(custom=ranked({"ours": 0.1}))), "intent").threshold


@pytest.mark.parametrize(
    ("when", "scores", "label", "name"),
    [
        ({"intent": {"labels": ["a"]}}, {"intents": {"a": 0.5}}, "a", "intent"),
        ({"topic": {"labels": ["a"]}}, {"topics": {"a": 0.5}}, "a", "topic"),
        ({"dialogue": {"labels": ["insists"]}}, {"dialogue": ranked({"insists": 0.5})}, "insists", "dialogue"),
        ({"explicit": {}}, {"explicit": 0.5}, "explicit", "explicit"),
    ],
)
def test_thresholds_live_with_the_bundle(when, scores, label, name):
    """X-01, L-08: a label without a threshold in the policy has the bundle's, and fires at it; without one it takes 0.8."""
    policy = policy_of(rule(when))
    outcomes = [take(policy.bound({label: value}), customer(), scored(**scores)) for value in (0.5, 0.5001)]
    assert [(Action.ESCALATE, 0.5), (Action.CONTINUE, 0.5001)] == [
        (outcome.decision.decision, report_of(outcome, name).threshold) for outcome in outcomes
    ]
    assert FALLBACK_THRESHOLD == 0.8 == report_of(take(policy, customer(), scored(**scores)), name).threshold


def test_each_label_has_its_own_threshold_of_the_bundle():
    """X-01: of two labels in one trigger each is compared with its own."""
    policy = policy_of(rule({"intent": {"labels": ["a", "b"]}})).bound({"a": 0.9, "b": 0.3})
    found = report_of(take(policy, customer(), scored(intents={"a": 0.89, "b": 0.3})), "intent")
    assert ("b", 0.3, TriggerStatus.FIRED) == (found.evidence["label"], found.threshold, found.status)


def test_binding_leaves_the_document_as_it_is():
    """X-01: bound to another bundle it is the same policy: same fingerprint, and the one it was made of is unchanged."""
    policy = policy_of(rule(BOTH), labels=OWN)
    bound = policy.bound({"buying-intent": 0.1})
    scores = scored(custom=custom(buying_intent=0.2))
    assert (policy.fingerprint(), policy.label, as_json(policy)) == (bound.fingerprint(), bound.label, as_json(bound))
    assert ["escalate", "continue"] == [take(one, customer(), scores).decision.decision for one in (bound, policy)]
    again = bound.bound({})
    assert "continue" == take(again, customer(), scores).decision.decision


def test_a_binding_survives_copies():
    """X-01: a copy, a pickle and a copy with another field keep the bundle's thresholds."""
    bound = policy_of(rule(BOTH), labels=OWN).bound({"buying-intent": 0.1})
    copies = (pickle.loads(pickle.dumps(bound)), bound.model_copy(update={"on_error": Action.CONTINUE}))
    scores = scored(custom=custom(buying_intent=0.1))
    assert ["escalate"] * 2 == [take(one, customer(), scores).decision.decision for one in copies]


def test_what_has_to_be_scored():
    """S-05: every label of the policy and every guideline, each once, with its description and examples."""
    guided = rule(
        {
            "any": [
                {"guideline": {"text": "The customer is angry"}},
                {"not": {"guideline": {"text": "The customer is angry"}}},
            ]
        },
        id="g",
    )
    found = policy_of(rule(BOTH), guided, labels=OWN).custom_labels
    assert ["buying-intent", "cancellation-intent"] == [label.name for label in found[:2]]
    assert (BUYING["description"], tuple(BUYING["examples"])) == (found[0].description, found[0].examples)
    assert ["The customer is angry"] == [label.description for label in found[2:]]
    assert () == policy_of(rule({"intent": {"labels": ["affirm"]}})).custom_labels


def test_the_reason_says_what_the_label_means():
    """S-05: a label with a description is told by it, one without by its name."""
    policy = policy_of(rule(BOTH), labels=OWN | {"cancellation-intent": {"examples": ["I want out"]}})
    told = [
        take(policy, customer(), scored(custom=custom(**{name: 0.9}))).decision.reason
        for name in ("buying_intent", "cancellation_intent")
    ]
    assert ["intent", "intent"] == [reason.code for reason in told]
    assert [
        "The message fits “The customer wants to buy a plan”.",
        "The customer's intent is cancellation-intent.",
    ] == [reason.sentence for reason in told]


def test_an_own_label_can_flip_the_decision():
    """S-05: what would have changed the decision names it like any other score."""
    policy = policy_of(rule({"intent": {"labels": ["cancellation-intent"]}}), labels=OWN)
    flips = take(policy, customer(), scored(custom=custom(cancellation_intent=0.65))).decision.would_flip_if
    assert [("scores.custom.cancellation-intent", 0.65, 0.7, "escalate")] == [
        (flip.what, flip.value, flip.to, flip.decision) for flip in flips
    ]


def test_an_own_label_stands_in_the_place_of_a_trained_one():
    """S-05: a policy that defines a trained label's name means its own."""
    policy = policy_of(rule({"topic": {"labels": ["demand_refund"]}}), labels={"demand_refund": {"description": "x"}})
    scores = scored(topics={"demand_refund": 0.99}, custom=ranked({"demand_refund": 0.1}))
    assert Action.CONTINUE is take(policy, customer(), scores).decision.decision


def test_drafts_have_no_own_labels():
    """S-05: custom labels are of customers' messages; a bot's draft isn't looked at."""
    assert () == take(policy_of(rule(BOTH), labels=OWN), bot(), scored(custom=None)).decision.triggers


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("ours: {}", "p.yaml, line 3: labels.ours: neither description nor examples"),
        ("ours: {threshold: 0.5}", "p.yaml, line 3: labels.ours: neither description nor examples"),
        ("ours: {examples: [a, ' ']}", r"labels.ours.examples.*no visible character"),
        ("ours: {description: ''}", "labels.ours.description: found no visible character"),
        ("ours: {description: x, threshold: 1.1}", "labels.ours.threshold"),
        ('"\\u200b": {description: x}', "no visible character"),
        ("explicit: {description: x}", "labels.explicit: 'explicit' is a score with a threshold of its own"),
        ("ours: {description: x, synonyms: [y]}", "synonyms"),
        (f"ours: {{examples: [{', '.join('abcde' for _ in range(51))}]}}", "at most 50"),
    ],
)
def test_a_label_that_says_nothing_is_refused(labels, message):
    """S-05: a label without meaning, a blank name, the name of a score: errors that name line and field."""
    with pytest.raises(PolicyError, match=message):
        parse_policy(f"name: own\nlabels:\n  {labels}\nrules: []\n", "p.yaml")


def test_fifty_examples_are_enough():
    """S-05: one to fifty example messages."""
    examples = [f"message number {n}" for n in range(50)]
    (label,) = policy_of(labels={"ours": {"examples": examples}}).custom_labels
    assert tuple(examples) == label.examples


def test_so_many_examples_that_reading_them_takes_a_minute_are_refused():
    """S-05: making a policy ready reads every example once; what would hold up a bot for long is refused when it is saved."""
    labels = {f"l{n}": {"examples": [f"message {n} {m}" for m in range(50)]} for n in range(40)}
    assert len(policy_of(labels=labels).custom_labels) == 40
    with pytest.raises(ValueError, match="hold 2001 descriptions and examples; expected at most 2000"):
        policy_of(labels={**labels, "more": {"description": "one more"}})
