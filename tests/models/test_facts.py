"""What lint knows of a bundle."""

import pytest

from models.bundle import Bundle
from models.calibration import Platt, Temperature
from models.facts import facts_of
from tests.support.tiny_bundle import build_tiny_bundle
from training.labels import DIALOGUE, LABELS, TOPICS


@pytest.fixture
def manifest(tiny):
    """The manifest of the tiny bundle."""
    return Bundle.load(tiny).manifest


def test_labels_languages_and_scores(manifest):
    """Facts name what the bundle can score, and in which languages."""
    facts = facts_of(manifest)
    assert ("tiny-1", tuple(LABELS), tuple(TOPICS), tuple(DIALOGUE)) == (
        facts.name,
        facts.intents,
        facts.topics,
        facts.dialogue,
    )
    assert (("en",), ()) == (facts.languages, facts.request_languages)
    assert {"confidence"} == facts.scores & {"confidence", "custom", "risk"}


def test_what_a_bundle_may_lack(tmp_path):
    """A bundle without a graph for answers gives no confidence; one with requests and custom labels says so."""
    bare = facts_of(Bundle.load(build_tiny_bundle(tmp_path / "bare", answers=False)).manifest)
    rich = facts_of(Bundle.load(build_tiny_bundle(tmp_path / "rich", requests=True, custom=True)).manifest)
    assert "confidence" not in bare.scores
    assert ({"confidence", "custom"}, ("de", "en", "es")) == (
        rich.scores & {"confidence", "custom"},
        rich.request_languages,
    )


def test_what_a_score_can_reach_at_most(manifest):
    """A sigmoid reaches 1; the combiner of a flawless answer's parts reaches what its intercept allows."""
    combiner = manifest.combiner.model_copy(update={"weights": (0.1, 1.4, 1.6), "intercept": 2.0})
    facts = facts_of(manifest.model_copy(update={"combiner": combiner}))
    assert {"confidence": pytest.approx(0.8808, abs=1e-4)} == facts.ceilings
    assert (1.0, 1.0) == (facts.ceiling("intents", "affirm"), facts.ceiling("explicit"))


def test_a_slope_of_nought_is_a_ceiling(manifest):
    """A label whose calibration says the same whatever the network says can't be surer than that."""
    head = manifest.heads["intents"]
    slope = (0.0, *head.calibration.slope[1:])
    flat = head.model_copy(update={"calibration": Platt(slope=slope, intercept=(-1.0,) * len(slope))})
    facts = facts_of(manifest.model_copy(update={"heads": {**manifest.heads, "intents": flat}}))
    assert facts.ceiling("intents", head.labels[0]) == pytest.approx(0.2689, abs=1e-4)
    assert facts.ceiling("intents", head.labels[1]) == 1


def test_an_unlimited_combiner_has_no_ceiling(manifest):
    """Where a part counts against an answer, how good one can be isn't known."""
    combiner = manifest.combiner.model_copy(update={"weights": (-0.1, 1.4, 1.6)})
    assert "confidence" not in facts_of(manifest.model_copy(update={"combiner": combiner})).ceilings


def test_labels_that_exclude_each_other_reach_one(manifest):
    """A softmax is sure of a label when the others are far below."""
    head = manifest.heads["frustration"].model_copy(update={"calibration": Temperature(temperature=2.0)})
    assert 1.0 == facts_of(manifest.model_copy(update={"heads": {**manifest.heads, "frustration": head}})).ceiling(
        "frustration"
    )
