"""Metrics of a bundle's scores, on scores made by hand: what counts, what is left out, what isn't defined."""

import json

import numpy as np
import pytest

pytest.importorskip("tqdm")

from models.bundle import Bundle, Head
from models.calibration import Platt
from models.contracts import LabelScore, Role, Scores, ScoreStatus, Sentiment
from models.policy.schema import default_policy
from models.records import AnswerExample, LabelledMessage
from models.scorer import Scorer, ScoreRequest
from tests.support.tiny_bundle import build_tiny_bundle
from training.evaluate import (
    EXPLICIT_THRESHOLD,
    MIN_ROWS,
    evaluate_answers,
    evaluate_messages,
    score_answers,
    score_messages,
)
from training.labels import BOT_DIALOGUE, CUSTOMER_DIALOGUE, DIALOGUE, LABELS

FOREIGN = Scores(status={"intents": ScoreStatus.UNSUPPORTED_LANGUAGE})
N = 2 * MIN_ROWS


def head(labels, **thresholds):
    """A head that recommends some thresholds."""
    count = len(labels)
    return Head(labels=labels, calibration=Platt(slope=(1.0,) * count, intercept=(0.0,) * count), thresholds=thresholds)


HEADS = {"intents": head(LABELS, fees=0.95), "dialogue": head(DIALOGUE, insists=0.2)}


def message(number, *, source="toy", **targets):
    """A labelled message."""
    return LabelledMessage(id=f"{source}:{number}", source=source, text=f"text {number}", group="g", **targets)


def scored(*, sentiment=0.0, explicit=0.1, labels=()):
    """Scores of a message, as the scorer gives them: every label, best first."""
    intents = [LabelScore(label=label, probability=0.9 if label in labels else 0.1) for label in LABELS]
    return Scores(
        intents=tuple(sorted(intents, key=lambda entry: -entry.probability)),
        explicit=explicit,
        out_of_scope=0.1,
        frustration=0.1,
        sentiment=Sentiment(score=sentiment, label="neutral"),
    )


def talked(*labels, role="customer", sure=0.9):
    """Scores of a message in its conversation: every label that its role can have, best first."""
    own = BOT_DIALOGUE if role == "bot" else CUSTOMER_DIALOGUE
    found = [LabelScore(label=label, probability=sure if label in labels else 0.1) for label in own]
    return Scores(dialogue=tuple(sorted(found, key=lambda entry: -entry.probability)))


def answer(number, *, good=1.0, answers=1.0, source="toy", passages=("p",)):
    """A judged answer."""
    return AnswerExample(
        id=f"{source}:{number}", source=source, message="m", answer="a", passages=passages, good=good, answers=answers,
        group="g",
    )  # fmt: skip


def as_json(report):
    """A report as it is written; NaN and infinities are an error."""
    return json.loads(json.dumps(report, allow_nan=False))


# messages


def test_an_unscored_message_has_no_sentiment():
    """Messages in another language are left out of sentiment, and each source says how many: they are not 0.0."""
    ratings = np.linspace(-1, 1, N)
    rows = [message(n, sentiment=float(rating)) for n, rating in enumerate(ratings)]
    scores = [scored(sentiment=float(rating)) for rating in ratings]
    foreign = [message(n, source="elsewhere", sentiment=-0.9) for n in range(MIN_ROWS + 5)]
    found = evaluate_messages(
        [*rows, *foreign], [*scores, *[FOREIGN] * 5, *[scored(sentiment=-0.9)] * MIN_ROWS], HEADS
    )["sentiment"]
    assert {"toy": (N, 0), "elsewhere": (MIN_ROWS, 5), "all": (N + MIN_ROWS, 5)} == {
        source: (entry["n"], entry["unscored"]) for source, entry in found.items()
    }
    assert [1.0, 0.0] == [found["all"][name]["value"] for name in ("pearson", "mean_absolute_error")]
    assert found["all"]["pearson"]["n"] == found["all"]["n"]


def test_a_source_that_was_hardly_scored_has_no_sentiment_figures():
    """With too few scored messages there is nothing to measure; the report's own count still tells of them."""
    rows = [message(n, sentiment=0.5) for n in range(N)]
    found = evaluate_messages(rows, [*[scored()] * (MIN_ROWS - 1), *[FOREIGN] * (N - MIN_ROWS + 1)], HEADS)
    assert {} == found["sentiment"]
    assert N - MIN_ROWS + 1 == found["unscored"]


def test_an_unscored_request_counts_as_missed():
    """Heads that find something have not found it in a message that wasn't scored."""
    rows = [message(n, explicit=n % 2 == 0) for n in range(N)]
    scores = [FOREIGN if n < 4 else scored(explicit=0.9 if n % 2 == 0 else 0.1) for n in range(N)]
    found = evaluate_messages(rows, scores, HEADS)["explicit"]["toy"]
    assert (N, N // 2) == (found["n"], found["n_positive"])
    assert pytest.approx(1 - 2 / (N // 2), abs=1e-4) == found["recall"]["value"]
    assert 1.0 == found["precision"]["value"]


@pytest.mark.parametrize("explicit", [True, False])
def test_what_is_not_defined_is_null(explicit):
    """A source of one class and one rating has no AUROC, perhaps no false positives and no correlation: null, not NaN."""
    rows = [message(n, explicit=explicit, sentiment=0.5, labels=("invoice",), known="all") for n in range(N)]
    found = as_json(evaluate_messages(rows, [scored(labels=("invoice",))] * N, HEADS))
    entry = found["explicit"]["toy"]
    assert "auroc" not in entry
    assert (None if explicit else 0.0) == entry["false_positive_rate"]["value"]
    assert {"value": None, "low": None, "high": None, "n": N} == found["sentiment"]["toy"]["pearson"]
    assert 0.5 == found["sentiment"]["toy"]["mean_absolute_error"]["value"]
    assert 1.0 == found["intents"]["toy"]["macro_f1"]


def test_labels_count_where_they_are_known():
    """A label that a row is silent about is neither found nor missed there."""
    rows = [message(n, labels=("invoice",) if n % 2 else (), known=("invoice", "fees")) for n in range(N)]
    found = evaluate_messages(rows, [scored(labels=("invoice", "review"))] * N, HEADS)["intents"]["toy"]
    assert {"invoice": (N // 2, N, 0.5, 1.0)} == {
        label: tuple(entry[name] for name in ("n_positive", "n", "precision", "recall"))
        for label, entry in found["labels"].items()
    }


def test_labels_are_found_at_the_bundles_thresholds():
    """F1 is at the threshold that the bundle recommends for each label, 0.5 where it recommends none."""
    rows = [message(n, labels=("invoice", "fees"), known=("invoice", "fees")) for n in range(N)]
    found = evaluate_messages(rows, [scored(labels=("invoice", "fees"))] * N, HEADS)["intents"]["toy"]["labels"]
    assert {"invoice": 1.0, "fees": 0.0} == {label: entry["recall"] for label, entry in found.items()}


def test_a_bots_message_is_not_one_that_could_not_be_scored():
    """`unscored` counts customers' messages in another language; a bot's never has a customer's scores."""
    rows = [message(n, role="bot", dialogue=()) for n in range(N)] + [message(n) for n in range(N)]
    scores = [*[talked(role="bot")] * N, *[FOREIGN] * 3, *[scored()] * (N - 3)]
    assert 3 == evaluate_messages(rows, scores, HEADS)["unscored"]


def test_another_language_is_not_one_that_could_not_be_scored():
    """`unscored` counts English messages that were taken for another language; of a German one nobody expects scores."""
    rows = [message(n, language="de", explicit=n % 2 == 0) for n in range(N)] + [message(n) for n in range(N)]
    scores = [Scores(explicit=0.9 if n % 2 == 0 else 0.1) for n in range(N)] + [FOREIGN] * 4 + [scored()] * (N - 4)
    found = evaluate_messages(rows, scores, HEADS)
    assert 4 == found["unscored"]
    assert (N, 1.0) == (found["explicit"]["toy"]["n"], found["explicit"]["toy"]["f1"]["value"])


@pytest.mark.parametrize(("below", "recall"), [(0.0, 1.0), (0.0001, 0.0)])
def test_a_request_is_found_from_the_default_policys_threshold_on(below, recall):
    """M-03: `explicit` counts from where the default policy escalates, the other heads from 0.5."""
    (when,) = [rule.when for rule in default_policy().rules if rule.id == "explicit_request"]
    assert EXPLICIT_THRESHOLD == when.explicit.threshold
    rows = [message(n, explicit=n % 2 == 0, frustration=float(n % 2 == 0)) for n in range(N)]
    sure = EXPLICIT_THRESHOLD - below
    scores = [scored(explicit=sure if n % 2 == 0 else 0.1) for n in range(N)]
    found = evaluate_messages(rows, scores, HEADS)
    assert (EXPLICIT_THRESHOLD, 0.5) == tuple(found[head]["toy"]["threshold"] for head in ("explicit", "frustration"))
    assert recall == found["explicit"]["toy"]["recall"]["value"]


def test_each_role_is_judged_by_its_own_dialogue_labels():
    """A customer's message is no example of what a bot can do, and the other way round; silent rows are none at all."""
    customers = [message(n, dialogue=("not_helped",) if n % 2 else ()) for n in range(N)]
    bots = [message(n, role="bot", dialogue=("bot_cannot",)) for n in range(MIN_ROWS)]
    silent = [message(n, labels=("invoice",), known="all") for n in range(MIN_ROWS)]
    scores = [talked("not_helped") for _ in customers] + [talked("bot_cannot", role="bot") for _ in bots]
    found = evaluate_messages([*customers, *bots, *silent], [*scores, *[scored()] * MIN_ROWS], HEADS)["dialogue"]
    assert {"toy", "all"} == set(found)
    assert {"not_helped": (N // 2, N, 0.5, 1.0), "bot_cannot": (MIN_ROWS, MIN_ROWS, 1.0, 1.0)} == {
        label: tuple(entry[name] for name in ("n_positive", "n", "precision", "recall"))
        for label, entry in found["toy"]["labels"].items()
    }
    assert N + MIN_ROWS == found["toy"]["n"]


def test_dialogue_labels_are_found_at_the_bundles_thresholds():
    """`insists` counts from the 0.2 that this bundle recommends, `resolved` from 0.5."""
    rows = [message(n, dialogue=("insists", "resolved")) for n in range(N)]
    found = evaluate_messages(rows, [talked("insists", "resolved", sure=0.3)] * N, HEADS)["dialogue"]["toy"]["labels"]
    assert {"insists": 1.0, "resolved": 0.0} == {label: entry["recall"] for label, entry in found.items()}


def test_a_dialogue_that_was_not_scored_counts_as_missed():
    """What a foreign message does in its conversation has not been found."""
    rows = [message(n, dialogue=("insists",)) for n in range(N)]
    scores = [FOREIGN if n < 6 else talked("insists") for n in range(N)]
    found = evaluate_messages(rows, scores, HEADS)["dialogue"]["toy"]["labels"]["insists"]
    assert (N, pytest.approx(1 - 6 / N, abs=1e-4)) == (found["n"], found["recall"])


def test_a_few_rows_of_dialogue_are_not_measured():
    """A source with too few labelled rows has no figures, however many others it has."""
    rows = [message(n, dialogue=("insists",) if n < MIN_ROWS - 1 else None) for n in range(N)]
    assert {} == evaluate_messages(rows, [talked("insists")] * N, HEADS)["dialogue"]


def test_messages_are_scored_in_their_conversation(tmp_path):
    """Each row is scored in its role and after the message before it, as it would be served."""
    scorer = Scorer(Bundle.load(build_tiny_bundle(tmp_path / "tiny")))
    rows = [
        message(1, before="Did that help?"),
        message(2),
        message(3, role="bot"),
        message(4, before="Shall I refund it?"),
    ]
    requests = [
        ScoreRequest(role=Role.CUSTOMER, text="text 1", before="Did that help?"),
        ScoreRequest(role=Role.CUSTOMER, text="text 2"),
        ScoreRequest(role=Role.BOT, text="text 3"),
        ScoreRequest(role=Role.CUSTOMER, text="text 4", before="Shall I refund it?"),
    ]
    assert scorer.score(requests) == score_messages(scorer, rows)


# answers


def test_answers_are_scored_after_what_was_said_earlier(tmp_path):
    """A draft is judged with question, earlier question and passages, as it would be served."""
    scorer = Scorer(Bundle.load(build_tiny_bundle(tmp_path / "tiny")))
    row = answer(1, passages=("Half price.",)).model_copy(update={"earlier": "what is a ticket"})
    request = ScoreRequest(
        role=Role.BOT, text="a", question="m", earlier_question="what is a ticket", passages=("Half price.",)
    )
    assert scorer.score([request]) == score_answers(scorer, [row])


def test_a_draft_without_confidence_is_left_out_and_counted():
    """Drafts in another language have no confidence: they are in no figure, and `unscored` says how many there were."""
    rows = [answer(n, good=float(n % 2)) for n in range(N)]
    scores = [Scores() if n < 6 else Scores(confidence=0.2 + 0.6 * (n % 2)) for n in range(N)]
    found = as_json(evaluate_answers(rows, scores))["toy"]["good"]
    assert (N - 6, 6, N // 2 - 3) == (found["n"], found["unscored"], found["n_bad"])
    assert 1.0 == found["auroc"]["value"]


def test_answers_of_one_kind_have_no_auroc():
    """Where all answers are good nothing can be told apart: null, not NaN, and the parts are left out."""
    found = as_json(evaluate_answers([answer(n) for n in range(N)], [Scores(confidence=0.8)] * N))["toy"]
    assert {"value": None, "low": None, "high": None, "n": N} == found["good"]["auroc"]
    assert None is found["good"]["average_precision_of_bad"]["value"]
    assert 0.2 == found["good"]["ece"]["value"]
    assert ["good"] == list(found)


def test_answers_without_passages_stand_apart():
    """Without passages confidence says only whether the draft addresses the question: those rows have figures of their own."""
    rows = [answer(n, good=float(n % 2), passages=("p",) if n < N else ()) for n in range(2 * N)]
    scores = [Scores(confidence=0.9 if (n % 2 == 1) is (n < N) else 0.1) for n in range(2 * N)]
    found = evaluate_answers(rows, scores)
    assert {"n", "toy", "toy_without_passages"} == set(found)
    assert 2 * N == found["n"]
    assert [(N, 1.0), (N, 0.0)] == [
        (found[name]["good"]["n"], found[name]["good"]["auroc"]["value"]) for name in ("toy", "toy_without_passages")
    ]


def test_a_few_answers_without_passages_are_not_measured():
    """A source's rows with passages don't make up for those without."""
    rows = [answer(n, good=float(n % 2), passages=() if n < MIN_ROWS - 1 else ("p",)) for n in range(N)]
    assert "toy_without_passages" not in evaluate_answers(rows, [Scores(confidence=0.8)] * N)
