"""What int8 changes, told in scores and decisions."""

import json

import pytest

pytest.importorskip("torch")

from models.bundle import Bundle
from models.contracts import LabelScore, Scores, Sentiment
from models.policy.schema import default_policy
from models.records import LabelledMessage
from models.scorer import Scorer
from tests.support.tiny_bundle import build_tiny_bundle
from training.evaluate import score_messages
from training.parity import compare_answers, compare_scores

pytestmark = pytest.mark.slow

TEXTS = ["where is my parcel", "get me a person, this is useless", "thanks, that worked"]
ROWS = [LabelledMessage(id=text, source="toy", text=text, group=text) for text in TEXTS]


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Scores of a tiny bundle."""
    return score_messages(Scorer(Bundle.load(build_tiny_bundle(tmp_path_factory.mktemp("tiny") / "a"))), ROWS)


def test_equal_scores_differ_in_nothing(scores):
    """A bundle compared with itself changes no decision and no number."""
    assert {
        "n": 3,
        "decision_flips": 0,
        "decision_flip_share": 0.0,
        "best_label_share": 0.0,
        "explicit_mean_difference": 0.0,
        "explicit_max_difference": 0.0,
        "sentiment_mean_difference": 0.0,
    } == compare_scores(ROWS, scores, scores, default_policy())


def test_differences_are_measured(scores):
    """Another order of the same scores differs by as much as they do."""
    explicit = [abs((scores[a].explicit or 0) - (scores[a - 1].explicit or 0)) for a in range(3)]
    found = compare_scores(ROWS, scores, [scores[-1], *scores[:-1]], default_policy())
    assert pytest.approx(sum(explicit) / 3, abs=1e-5) == found["explicit_mean_difference"]
    assert pytest.approx(max(explicit), abs=1e-5) == found["explicit_max_difference"]


def test_no_messages_give_null():
    """What isn't defined without a single pair is null, so that no gate passes on it, and nobody reads NaN."""
    found = compare_scores([], [], [], default_policy())
    assert {"n": 0, "decision_flips": 0} == {name: value for name, value in found.items() if value is not None}
    assert 7 == len(json.loads(json.dumps(found, allow_nan=False)))


def test_messages_in_other_languages_are_decided_too():
    """S-04: a message that has `explicit` only is compared by it and by its decision; it has no label or sentiment."""
    rows = [
        LabelledMessage(id=text, source="toy", text=text, language="de", group=text)
        for text in ("wo ist mein Paket", "jemand da?")
    ]
    reference, found = ([Scores(explicit=value) for value in values] for values in ((0.1, 0.65), (0.1, 0.55)))
    assert {
        "n": 2,
        "decision_flips": 1,
        "decision_flip_share": 0.5,
        "best_label_share": None,
        "explicit_mean_difference": 0.05,
        "explicit_max_difference": 0.1,
        "sentiment_mean_difference": None,
    } == compare_scores(rows, reference, found, default_policy())


def test_labels_and_sentiment_are_compared_where_both_have_them():
    """Where one side has no intents or no sentiment there is nothing to differ; the message counts for all else."""

    def said(label, mood):
        intents = (LabelScore(label=label, probability=0.9),)
        return Scores(intents=intents, explicit=0.1, sentiment=Sentiment(score=mood, label="neutral"))

    reference = [said("invoice", 0.1), said("invoice", 0.1), said("invoice", 0.1)]
    served = [said("fees", 0.3), said("invoice", 0.1), Scores(explicit=0.1)]
    found = compare_scores(ROWS, reference, served, default_policy())
    assert (3, 0.5, 0.1) == tuple(found[name] for name in ("n", "best_label_share", "sentiment_mean_difference"))


def test_bots_messages_are_left_out(scores):
    """A bot's message has no scores that an opening message is decided on: it is no pair, whatever it was scored."""
    bot = LabelledMessage(id="b", source="toy", text="Did that help?", role="bot", group="b")
    found = compare_scores([*ROWS, bot], [*scores, Scores(explicit=0.9)], [*scores, Scores()], default_policy())
    assert compare_scores(ROWS, scores, scores, default_policy()) == found


def test_answers_are_compared_by_side_of_a_half():
    """The share of answers whose confidence changes sides at 0.5, the mean and the largest difference."""
    reference = [Scores(confidence=value) for value in (0.4, 0.9, 0.2, None)]
    found = [Scores(confidence=value) for value in (0.6, 0.8, 0.2, 0.7)]
    assert {
        "n": 3,
        "flip_share": pytest.approx(1 / 3, abs=1e-5),
        "mean_difference": pytest.approx(0.1),
        "max_difference": pytest.approx(0.2),
    } == compare_answers(reference, found)


def test_no_answers_give_null():
    """What isn't defined without a single pair is null."""
    assert compare_answers([], [])["flip_share"] is None
