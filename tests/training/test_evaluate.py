"""Metrics of a bundle's scores, on scores made by hand: what counts, what is left out, what isn't defined."""

import json

import numpy as np
import pytest

pytest.importorskip("tqdm")

from models.contracts import LabelScore, Scores, ScoreStatus, Sentiment
from models.records import AnswerExample, LabelledMessage
from training.evaluate import MIN_ROWS, evaluate_answers, evaluate_messages
from training.labels import LABELS

FOREIGN = Scores(status={"intents": ScoreStatus.UNSUPPORTED_LANGUAGE})
N = 2 * MIN_ROWS


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


def answer(number, *, good=1.0, answers=1.0, source="toy"):
    """A judged answer."""
    return AnswerExample(
        id=f"{source}:{number}", source=source, message="m", answer="a", good=good, answers=answers, group="g"
    )


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
    found = evaluate_messages([*rows, *foreign], [*scores, *[FOREIGN] * 5, *[scored(sentiment=-0.9)] * MIN_ROWS], {})[
        "sentiment"
    ]
    assert {"toy": (N, 0), "elsewhere": (MIN_ROWS, 5), "all": (N + MIN_ROWS, 5)} == {
        source: (entry["n"], entry["unscored"]) for source, entry in found.items()
    }
    assert [1.0, 0.0] == [found["all"][name]["value"] for name in ("pearson", "mean_absolute_error")]
    assert found["all"]["pearson"]["n"] == found["all"]["n"]


def test_a_source_that_was_hardly_scored_has_no_sentiment_figures():
    """With too few scored messages there is nothing to measure; the report's own count still tells of them."""
    rows = [message(n, sentiment=0.5) for n in range(N)]
    found = evaluate_messages(rows, [*[scored()] * (MIN_ROWS - 1), *[FOREIGN] * (N - MIN_ROWS + 1)], {})
    assert {} == found["sentiment"]
    assert N - MIN_ROWS + 1 == found["unscored"]


def test_an_unscored_request_counts_as_missed():
    """Heads that find something have not found it in a message that wasn't scored."""
    rows = [message(n, explicit=n % 2 == 0) for n in range(N)]
    scores = [FOREIGN if n < 4 else scored(explicit=0.9 if n % 2 == 0 else 0.1) for n in range(N)]
    found = evaluate_messages(rows, scores, {})["explicit"]["toy"]
    assert (N, N // 2) == (found["n"], found["n_positive"])
    assert pytest.approx(1 - 2 / (N // 2), abs=1e-4) == found["recall"]["value"]
    assert 1.0 == found["precision"]["value"]


@pytest.mark.parametrize("explicit", [True, False])
def test_what_is_not_defined_is_null(explicit):
    """A source of one class and one rating has no AUROC, perhaps no false positives and no correlation: null, not NaN."""
    rows = [message(n, explicit=explicit, sentiment=0.5, labels=("invoice",), known="all") for n in range(N)]
    found = as_json(evaluate_messages(rows, [scored(labels=("invoice",))] * N, {}))
    entry = found["explicit"]["toy"]
    assert "auroc" not in entry
    assert (None if explicit else 0.0) == entry["false_positive_rate"]["value"]
    assert {"value": None, "low": None, "high": None, "n": N} == found["sentiment"]["toy"]["pearson"]
    assert 0.5 == found["sentiment"]["toy"]["mean_absolute_error"]["value"]
    assert 1.0 == found["intents"]["toy"]["macro_f1"]


def test_labels_count_where_they_are_known():
    """A label that a row is silent about is neither found nor missed there."""
    rows = [message(n, labels=("invoice",) if n % 2 else (), known=("invoice", "fees")) for n in range(N)]
    found = evaluate_messages(rows, [scored(labels=("invoice", "review"))] * N, {})["intents"]["toy"]
    assert {"invoice": (N // 2, N, 0.5, 1.0)} == {
        label: tuple(entry[name] for name in ("n_positive", "n", "precision", "recall"))
        for label, entry in found["labels"].items()
    }


# answers


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
