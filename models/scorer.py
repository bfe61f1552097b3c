"""Scorer: text, encoding, sessions and calibration in order. The one path from messages to scores.

Every message runs through its graph alone, and once more together with the message before it for what it does in its
conversation. The int8 graphs quantise activations with one scale per run, so a message
scored in company would get slightly different numbers than alone; scored alone, its scores are the same over HTTP, in
a batch, in replay and in an evaluation, bit for bit. Batching such a small encoder on a CPU brings no speed worth that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

import numpy as np

from models import calibration
from models.bundle import ANSWER_HEAD, DIALOGUE_HEAD, INPUTS, MESSAGE_HEADS, TEXT_HEADS, Bundle
from models.contracts import LabelScore, Language, Role, Scores, ScoreStatus, Sentiment, is_bots_label
from models.custom import CustomLabel
from models.encoding import Encoded, Encoder
from models.errors import BundleCorrupt, InputError, ScoringError
from models.language import identify
from models.phrases import PhraseMatch, find_request
from models.requests import FILE as REQUESTS
from models.requests import RequestModel
from models.session import Session
from models.similarity import BACKGROUND_FILE, SPACE_FILE, CompiledLabels, CustomModel, as_bytes

# A message counts as foreign, or as surely English, only when its identification is this sure: chat is often mistaken.
SURE_PROBABILITY = 0.8
EMBEDDING = "sentence_embedding"
COMBINER_FEATURES = ("log_sufficient", "log_grounded", "log_answers")
# a part counts as at least this probable: beyond it the network is sure, and more sureness says nothing
MIN_PART = 1e-3
# Scores are rounded once, here, so that records and answers show the very numbers that the policy compared.
DIGITS = 6
# The heads whose columns mean something to this code; the intents are the bundle's own.
_EXPECTED_LABELS = {
    "out_of_scope": ("out_of_scope",),
    "explicit": ("explicit",),
    "frustration": ("frustration",),
    "polarity": ("negative", "neutral", "positive"),
    DIALOGUE_HEAD: (
        "not_helped", "insists", "resolved", "bot_cannot", "bot_offers_person", "bot_fallback", "bot_asks_details",
    ),
    ANSWER_HEAD: ("sufficient", "grounded", "answers"),
}  # fmt: skip

_TEXT_SCORES = ("intents", "out_of_scope", "explicit", "sentiment", "frustration", "topics", "custom")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """What the scorer needs to know of one message.

    ``heads`` are the scores that are wanted, absent all of them; language and phrases are always found, they run no graph.
    ``before``, ``earlier`` and ``custom`` belong to a customer's message: what the bot said right before it, the embeddings of
    earlier customer questions, and labels that the bundle was not trained on. ``question``, ``earlier_question``, ``passages``
    and ``confidence`` belong to a bot's draft answer: the customer message that it answers, the one before that, what it was
    drafted from, and the bot's own number.
    """

    role: Role
    text: str
    before: str | None = None
    question: str | None = None
    earlier_question: str | None = None
    passages: tuple[str, ...] = ()
    confidence: float | None = None
    earlier: tuple[bytes | None, ...] = ()
    custom: CompiledLabels | None = None
    heads: frozenset[str] | None = None

    @property
    def texts(self) -> tuple[str | None, ...]:
        """Everything that the graphs read of this request."""
        return (self.text, self.before, self.question, self.earlier_question, *self.passages)


class Scorer:
    """Scores messages with a bundle; safe to share between threads.

    Args:
        bundle: a verified bundle.
        threads: how many messages of one call run side by side; each graph run uses one core.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        """Check the label map, load the graphs and check their shapes against the manifest.

        Raises:
            BundleCorrupt: the label map isn't what this code reads, a graph doesn't load, or its outputs are not as wide as
                the manifest's label lists.
        """
        manifest = bundle.manifest
        self.bundle = bundle
        self._heads = manifest.heads
        self._topics = frozenset(manifest.topics)
        self._check_labels()
        self._encoder = Encoder(bundle.file("tokenizer.json"), **manifest.windows.model_dump())
        self._message = Session(bundle.file("message.onnx"), inputs=INPUTS, outputs=(*MESSAGE_HEADS, EMBEDDING))
        self._answer = None
        if ANSWER_HEAD in manifest.heads:
            self._answer = Session(bundle.file("confidence.onnx"), inputs=INPUTS, outputs=(ANSWER_HEAD,))
        self._requests = None
        if manifest.requests is not None:
            self._requests = RequestModel(manifest.requests, bundle.file(REQUESTS))
        self._custom = None
        if manifest.custom is not None:
            files = bundle.file(SPACE_FILE), bundle.file(BACKGROUND_FILE)
            self._custom = CustomModel.load(manifest.custom, *files, size=manifest.embedding_size)
        # name and weights: what custom labels are compiled for
        parts = [manifest.files[name][:12] for name in ("message.onnx", SPACE_FILE) if name in manifest.files]
        self._identity = "@".join([manifest.label, *parts])
        self._check_widths()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="scorer") if threads > 1 else None

    def _check_labels(self) -> None:
        wrong = [
            f"{name} has the labels {', '.join(self._heads[name].labels)}, expected {', '.join(expected)}"
            for name, expected in _EXPECTED_LABELS.items()
            if name in self._heads and self._heads[name].labels != expected
        ]
        combiner = self.bundle.manifest.combiner
        if combiner is not None and combiner.features != COMBINER_FEATURES:
            expected = ", ".join(COMBINER_FEATURES)
            wrong.append(f"the combiner has the features {', '.join(combiner.features)}, expected {expected}")
        if wrong:
            raise BundleCorrupt(f"the label map of {self.bundle.label} is wrong: {'; '.join(wrong)}; release it again")

    def _check_widths(self) -> None:
        wanted = {name: len(self._heads[name].labels) for name in MESSAGE_HEADS}
        wanted[EMBEDDING] = self.bundle.manifest.embedding_size
        found = {name: self._message.width(name) for name in wanted}
        if self._answer is not None:
            wanted[ANSWER_HEAD] = len(self._heads[ANSWER_HEAD].labels)
            found[ANSWER_HEAD] = self._answer.width(ANSWER_HEAD)
        wrong = [
            f"{name} has {found[name]} columns, expected {wanted[name]}"
            for name in wanted
            if found[name] != wanted[name]
        ]
        if wrong:
            raise BundleCorrupt(
                f"graph and manifest of {self.bundle.label} differ: {'; '.join(wrong)}; release it again"
            )

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The probability that the bundle recommends as threshold, for each label of its heads."""
        return {label: value for head in self._heads.values() for label, value in head.thresholds.items()}

    def close(self) -> None:
        """Let the threads go; the scorer must not be used afterwards."""
        if self._pool is not None:
            self._pool.shutdown()

    def score(self, requests: Sequence[ScoreRequest]) -> list[Scores]:
        """Score messages, each on its own, in order.

        Raises:
            ScoringError: a graph failed, or gave something that is no number.
        """
        if self._pool is None or len(requests) < 2:
            return [self._score(request) for request in requests]
        return list(self._pool.map(self._score, requests))

    def compile(self, labels: Sequence[CustomLabel]) -> CompiledLabels:
        """Read custom labels once, as messages are read, so that ``score`` can compare messages with them.

        It costs about one message for each example and each description. A bundle that can't score custom labels compiles them
        too; messages scored with them then have the status ``not_available``.

        Raises:
            InputError: two labels have one name.
            ScoringError: a graph failed, or gave something that is no number.
        """
        if self._custom is None:
            return CompiledLabels.unread(labels, bundle=self._identity)
        return self._custom.compile(labels, self._embed, bundle=self._identity)

    def score_custom(self, embedding: bytes, labels: CompiledLabels) -> tuple[LabelScore, ...] | None:
        """Return what ``score`` says of custom labels, from an embedding that this bundle gave; best first.

        Returns:
            ``None`` when the bundle can't score custom labels.

        Raises:
            InputError: the labels were compiled with another bundle, or the embedding is of another size.
        """
        if labels.bundle != self._identity:
            found = f"found custom labels compiled for {labels.bundle}"
            raise InputError(f"{found}, expected {self._identity}; compile them again")
        size = self.bundle.manifest.embedding_size
        if len(embedding) != size:
            raise InputError(f"found an embedding of {len(embedding)} bytes, expected {size}; score the message again")
        if labels.vectors is None:
            return None
        return _ranked(labels.names, labels.probabilities(np.frombuffer(embedding, dtype=np.int8)[None, :])[0])

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return the embeddings of texts, each read alone: int8, (texts, size)."""
        rows = [self._encoder.message(text) for text in texts]
        outputs = map(self._run, rows) if self._pool is None else self._pool.map(self._run, rows)
        return as_bytes(np.concatenate([output[EMBEDDING] for output in outputs]))

    def count_tokens(self, request: ScoreRequest) -> int:
        """Return how many tokens the graphs read for this request: what scoring it costs."""
        return sum(len(row.ids) for row in self._rows(request))

    def _rows(self, request: ScoreRequest) -> list[Encoded]:
        """Return all that the graphs would read of a request: the message alone, then what it is judged together with."""
        alone = self._encoder.message(request.text)
        if request.role is Role.BOT:
            return [alone, *self._answers(request)]
        return [alone, self._encoder.message(request.text, request.before)] if request.before else [alone]

    def _answers(self, request: ScoreRequest) -> list[Encoded]:
        return self._encoder.answers(request.question or "", request.text, request.passages, request.earlier_question)

    def _score(self, request: ScoreRequest) -> Scores:
        if request.role is Role.BOT:
            return self._score_answer(request)
        return self._score_message(request)

    def _score_message(self, request: ScoreRequest) -> Scores:
        language = identify(request.text)
        phrase = find_request(request.text, language.code if language else None)
        asks, declines = _said(phrase)
        heard = Scores(language=language, request_phrase=asks, declined_phrase=declines)
        if self._is_foreign(language):
            return self._score_foreign(request, heard, phrase)
        status = dict(_NO_ANSWER_SCORES)
        dialogue = None
        if not request.before:
            status["dialogue"] = ScoreStatus.NOT_AVAILABLE
        elif _is_wanted(request, "dialogue"):
            dialogue = self._dialogue(self._encoder.message(request.text, request.before))
        else:
            status["dialogue"] = ScoreStatus.SKIPPED
        if language is None:
            status["language"] = ScoreStatus.NOT_AVAILABLE
        if request.custom is None or self._custom is None:
            status["custom"] = ScoreStatus.NOT_AVAILABLE
        if not _is_wanted(request, *_TEXT_SCORES):
            status = dict.fromkeys(_TEXT_SCORES, ScoreStatus.SKIPPED) | status
            return replace(heard, dialogue=dialogue, status=status)
        outputs = self._run(self._encoder.message(request.text))
        probabilities = {
            name: calibration.apply(self._heads[name].calibration, outputs[name])[0]
            for name in TEXT_HEADS
            if name != "explicit"
        }
        intents = _ranked(self._heads["intents"].labels, probabilities["intents"])
        vector = as_bytes(outputs[EMBEDDING][0])
        return replace(
            heard,
            intents=intents,
            topics=tuple(entry for entry in intents if entry.label in self._topics),
            custom=None if request.custom is None else self.score_custom(vector.tobytes(), request.custom),
            out_of_scope=_rounded(probabilities["out_of_scope"][0]),
            explicit=self._explicit(request.text, phrase, language, outputs["explicit"]),
            sentiment=_sentiment(self._heads["polarity"].labels, probabilities["polarity"]),
            frustration=_rounded(probabilities["frustration"][0]),
            dialogue=dialogue,
            embedding=vector.tobytes(),
            repeats=tuple(_cosine(vector, other) for other in request.earlier),
            status=status,
        )

    def _score_foreign(self, request: ScoreRequest, heard: Scores, phrase: PhraseMatch | None) -> Scores:
        """Return the scores of a message in a language that the encoder wasn't made for: at most ``explicit``."""
        status = _NO_ANSWER_SCORES | dict.fromkeys((*_TEXT_SCORES, "dialogue"), ScoreStatus.UNSUPPORTED_LANGUAGE)
        if request.custom is None:
            status["custom"] = ScoreStatus.NOT_AVAILABLE
        language = heard.language
        if self._requests is None or language is None or language.code not in self._requests.head.languages:
            return replace(heard, status=status)
        if not _is_wanted(request, "explicit"):
            return replace(heard, status=status | {"explicit": ScoreStatus.SKIPPED})
        del status["explicit"]
        logits = self._run(self._encoder.message(request.text))["explicit"]
        return replace(heard, explicit=self._explicit(request.text, phrase, language, logits), status=status)

    def _explicit(self, text: str, phrase: PhraseMatch | None, language: Language | None, logits: np.ndarray) -> float:
        """Return P(asks for a person): by the encoder's head in what is surely English, else by all witnesses."""
        if self._requests is not None and not self._is_surely_read(language, phrase):
            return _rounded(self._requests.probability(text, phrase, float(logits[0, 0])))
        return _rounded(calibration.apply(self._heads["explicit"].calibration, logits)[0, 0])

    def _run(self, row: Encoded) -> dict[str, np.ndarray]:
        outputs = self._message.run(self._encoder.batch([row]))
        _require_finite("message.onnx", outputs)
        return outputs

    def _dialogue(self, row: Encoded, *, bot: bool = False) -> tuple[LabelScore, ...]:
        """Return what a message does in its conversation, of what its role can do, best first."""
        head = self._heads[DIALOGUE_HEAD]
        values = calibration.apply(head.calibration, self._run(row)[DIALOGUE_HEAD])[0]
        columns = [place for place, label in enumerate(head.labels) if is_bots_label(label) is bot]
        return _ranked([head.labels[place] for place in columns], values[columns])

    def _is_surely_read(self, language: Language | None, phrase: PhraseMatch | None) -> bool:
        """Return whether a message surely is in a language of the encoder: identified so, and asking in no other one."""
        if language is None or language.code not in self.bundle.manifest.languages:
            return False
        return language.probability >= SURE_PROBABILITY and (phrase is None or phrase.language == language.code)

    def _is_foreign(self, language: Language | None) -> bool:
        if language is None or language.code in self.bundle.manifest.languages:
            return False
        return language.probability >= SURE_PROBABILITY

    def _score_answer(self, request: ScoreRequest) -> Scores:
        if self._is_foreign(identify(request.text)):
            foreign = dict.fromkeys(("dialogue", "confidence"), ScoreStatus.UNSUPPORTED_LANGUAGE)
            if request.confidence is not None:
                del foreign["confidence"]
            return Scores(confidence=request.confidence, status=_NO_TEXT_SCORES | foreign)
        status: dict[str, ScoreStatus] = dict(_NO_TEXT_SCORES)
        dialogue = None
        if _is_wanted(request, "dialogue"):
            dialogue = self._dialogue(self._encoder.message(request.text), bot=True)
        else:
            status["dialogue"] = ScoreStatus.SKIPPED
        combiner = self.bundle.manifest.combiner
        # The bot's own number counts where the model has no passages to judge by.
        if self._answer is None or combiner is None or (request.confidence is not None and not request.passages):
            if request.confidence is None:
                status["confidence"] = ScoreStatus.NOT_AVAILABLE
            return Scores(confidence=request.confidence, dialogue=dialogue, status=status)
        if not _is_wanted(request, "confidence"):
            return Scores(dialogue=dialogue, status=status | {"confidence": ScoreStatus.SKIPPED})
        logits = np.concatenate(
            [self._answer.run(self._encoder.batch([row]))[ANSWER_HEAD] for row in self._answers(request)]
        )
        _require_finite("confidence.onnx", {ANSWER_HEAD: logits})
        head = self._heads[ANSWER_HEAD]
        parts = calibration.apply(head.calibration, over_passages(logits)[None, :])[0]
        answers = _rounded(parts[head.labels.index("answers")])
        if not request.passages:
            # Nothing to be grounded in: what can be judged is whether the draft addresses the question.
            return Scores(confidence=answers, answer={"answers": answers}, dialogue=dialogue, status=status)
        good = calibration.apply(combiner, combiner_features(parts)[None, :])[0]
        return Scores(
            confidence=_rounded(good),
            answer={name: _rounded(value) for name, value in zip(head.labels, parts, strict=True)},
            dialogue=dialogue,
            status=status,
        )


# what a customer's message never has; nobody has learned the risk from outcomes yet
_NO_ANSWER_SCORES: dict[str, ScoreStatus] = dict.fromkeys(("confidence", "risk"), ScoreStatus.NOT_AVAILABLE)
# the customer's scores don't exist for a bot's message
_NO_TEXT_SCORES = MappingProxyType(dict.fromkeys((*_TEXT_SCORES, "risk", "language"), ScoreStatus.NOT_AVAILABLE))


def joined(first: Scores | None, second: Scores) -> Scores:
    """Return the scores of one message that was scored twice, for different heads; what either found stands."""
    if first is None:
        return second
    found = {
        spec.name: getattr(second, spec.name)
        for spec in fields(Scores)
        if spec.name != "status" and getattr(second, spec.name) not in (None, ())
    }
    # what has a status in one alone was scored for the other
    both = first.status.keys() & second.status.keys()
    status = {head: min(first.status[head], second.status[head], key=_is_skipped) for head in both}
    return replace(first, status=status, **found)


def _is_skipped(status: ScoreStatus) -> bool:
    return status is ScoreStatus.SKIPPED


def _is_wanted(request: ScoreRequest, *heads: str) -> bool:
    """Return whether any of these scores is wanted."""
    return request.heads is None or not request.heads.isdisjoint(heads)


def _said(phrase: PhraseMatch | None) -> tuple[str | None, str | None]:
    """Return a phrase about persons as one that asks for one, or as one that declines one."""
    if phrase is None:
        return None, None
    return (None, phrase.phrase) if phrase.negated else (phrase.phrase, None)


def _require_finite(graph: str, outputs: Mapping[str, np.ndarray]) -> None:
    """Refuse outputs that aren't finite: calibrated, they would look like scores, or compare with nothing."""
    wrong = [name for name, values in outputs.items() if not np.isfinite(values).all()]
    if wrong:
        found = f"{graph} gave values that are not finite in {', '.join(wrong)}"
        raise ScoringError(f"{found}; expected finite logits, release the bundle again")


def over_passages(logits: np.ndarray) -> np.ndarray:
    """Fold (passages, 3) logits sufficient, grounded, answers into (3,): one good passage suffices, answers are averaged."""
    return np.asarray([logits[:, 0].max(), logits[:, 1].max(), logits[:, 2].mean()])


def combiner_features(parts: np.ndarray) -> np.ndarray:
    """Return the combiner's features of answers with passages, in the order of ``COMBINER_FEATURES``.

    Logarithms, because an answer is good when it answers *and* is grounded *and* its passages suffice: a weighted sum of
    logarithms is a product, and one part near 0 can't be made up for by the others.

    Args:
        parts: float64, (..., 3): calibrated probabilities of sufficient, grounded, answers.
    """
    return np.asarray(np.log(np.clip(parts, MIN_PART, 1.0)))


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)


def _ranked(labels: Sequence[str], probabilities: np.ndarray) -> tuple[LabelScore, ...]:
    order = np.argsort(-probabilities, kind="stable")
    return tuple(LabelScore(label=labels[index], probability=_rounded(probabilities[index])) for index in order)


def _sentiment(labels: Sequence[str], probabilities: np.ndarray) -> Sentiment:
    """Score = P(positive) - P(negative); the label is the most probable polarity."""
    by_label = dict(zip(labels, (float(value) for value in probabilities), strict=True))
    return Sentiment(
        score=_rounded(by_label["positive"] - by_label["negative"]), label=max(by_label, key=by_label.__getitem__)
    )


def _cosine(vector: np.ndarray, other: bytes | None) -> float:
    if other is None:
        return 0.0
    left = vector.astype(np.float64)
    right = np.frombuffer(other, dtype=np.int8).astype(np.float64)
    if left.shape != right.shape:  # remembered under a bundle with another encoder: not comparable
        return 0.0
    length = float(np.linalg.norm(left) * np.linalg.norm(right))
    return _rounded(float(left @ right) / length) if length else 0.0
