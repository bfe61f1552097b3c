"""What a bundle can do, as the plain values that the policy's lint reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models import calibration
from models.bundle import ANSWER_HEAD, DIALOGUE_HEAD, Head, Manifest
from models.policy.lint import Facts

# no network is as sure
_LARGEST_LOGIT = 1e4
# scores are rounded to six digits; what is nearer to 1 is 1
_NEARLY_ONE = 1 - 5e-7

_SCORES = ("intents", "topics", "out_of_scope", "explicit", "sentiment", "frustration", DIALOGUE_HEAD)


def facts_of(manifest: Manifest) -> Facts:
    """Return what lint may know of a bundle: its labels, languages, scores and thresholds, and how high its scores can be."""
    heads = manifest.heads
    scores = {*_SCORES}
    scores |= {"confidence"} if ANSWER_HEAD in heads else set()
    scores |= {"custom"} if manifest.custom is not None else set()
    scores |= {"risk"} if "risk" in heads else set()
    return Facts(
        name=manifest.label,
        intents=heads["intents"].labels,
        topics=manifest.topics,
        dialogue=heads[DIALOGUE_HEAD].labels,
        languages=manifest.languages,
        request_languages=() if manifest.requests is None else manifest.requests.languages,
        scores=frozenset(scores),
        thresholds={label: value for head in heads.values() for label, value in head.thresholds.items()},
        ceilings={name: value for name, value in _ceilings(manifest) if value < _NEARLY_ONE},
    )


def _ceilings(manifest: Manifest) -> Iterator[tuple[str, float]]:
    """Yield the largest probability that each score can have, however sure the networks are."""
    heads = manifest.heads
    for label, value in _largest(heads["intents"]).items():
        yield f"intents.{label}", value
        if label in manifest.topics:
            yield f"topics.{label}", value
    for label, value in _largest(heads[DIALOGUE_HEAD]).items():
        yield f"{DIALOGUE_HEAD}.{label}", value
    # where the requests of other languages are weighed too, these can be surer
    if manifest.requests is None:
        yield "explicit", _largest(heads["explicit"])["explicit"]
    yield "frustration", _largest(heads["frustration"])["frustration"]
    combiner = manifest.combiner
    if ANSWER_HEAD in heads and combiner is not None and min(combiner.weights) >= 0:
        # its features are logarithms of probabilities: of answers without any flaw all are 0
        yield "confidence", float(calibration.apply(combiner, np.zeros((1, len(combiner.weights))))[0])


def _largest(head: Head) -> dict[str, float]:
    """Return the largest probability of each label: its own logit as far from the others' as can be, up or down."""
    width = len(head.labels)
    logits = _LARGEST_LOGIT * (2 * np.eye(width) - 1)
    values = np.maximum(calibration.apply(head.calibration, logits), calibration.apply(head.calibration, -logits))
    return {label: float(values[place, place]) for place, label in enumerate(head.labels)}
