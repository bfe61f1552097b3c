"""SummEdits: is every sentence of a summary grounded in its document? The released answer model, passage by passage."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models.encoding import MAX_PASSAGES, Encoder
from models.records import AnswerExample
from models.scorer import Scorer
from training import metrics
from training.baseline import text_vectoriser
from training.benchmarks.baselines import Embed, fit_logistic
from training.benchmarks.jobs import Job, Measured
from training.benchmarks.recipes import SummaryReading
from training.benchmarks.records import Row, changed_share, figure
from training.benchmarks.released import Released
from training.evaluate import score_answers
from training.sources.benchmarks import Summary, thin

# the domains closest to ours; the threshold is chosen on the others and never on these
TESTED = ("sales_call", "sales_email")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"')\]])\s+|\n+")
_WORD = re.compile(r"\w")

Count = Callable[[str], int]


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text; what has no letter or digit is none."""
    return [part.strip() for part in _SENTENCE_END.split(text) if _WORD.search(part)]


def split_document(document: str, count: Count, reading: SummaryReading) -> list[str]:
    """Cut a document into chunks of whole sentences; a sentence too long for one is halved between words.

    Args:
        document: any text.
        count: a text to its tokens.
        reading: how many tokens a chunk has, and how many sentences neighbours share.
    """
    sentences = [
        piece for sentence in split_sentences(document) for piece in _halved(sentence, count, reading.chunk_tokens)
    ]
    chunks: list[list[str]] = []
    chunk: list[str] = []
    for sentence in sentences:
        if chunk and count(" ".join([*chunk, sentence])) > reading.chunk_tokens:
            chunks.append(chunk)
            shared = chunk[-reading.shared_sentences :] if reading.shared_sentences else []
            chunk = shared if count(" ".join([*shared, sentence])) <= reading.chunk_tokens else []
        chunk = [*chunk, sentence]
    return [" ".join(part) for part in [*chunks, chunk] if part]


def _halved(sentence: str, count: Count, limit: int) -> list[str]:
    words = sentence.split()
    if len(words) < 2 or count(sentence) <= limit:
        return [sentence]
    middle = len(words) // 2
    halves = (" ".join(words[:middle]), " ".join(words[middle:]))
    return [piece for half in halves for piece in _halved(half, count, limit)]


def summaries_job(
    released: Released,
    load: Callable[[], Sequence[Summary]],
    reading: SummaryReading,
    embed: Embed,
    *,
    limit: int | None = None,
) -> Job:
    """Return the job that tells consistent summaries from altered ones.

    Args:
        released: the bundle.
        load: loads the summaries of all domains.
        reading: how documents are cut.
        embed: texts to float32 (texts, size), by the pretrained encoder.
        limit: about how many summaries to measure, of all domains together.
    """

    def measure() -> Measured:
        summaries = thin(load(), limit)
        encoder = Encoder(released.bundle.file("tokenizer.json"), message_tokens=10**6)
        chunks = {
            document: split_document(document, lambda text: len(encoder.message(text).ids) - 2, reading)
            for document in dict.fromkeys(summary.document for summary in summaries)
        }
        scores = {
            column: grounded_scores(scorer, summaries, chunks, question=reading.question)
            for column, scorer in released.scorers().items()
        }
        scores["frozen"] = nearest_scores(summaries, chunks, embed)
        truth = np.asarray([summary.consistent for summary in summaries])
        tested = np.asarray([summary.domain in TESTED for summary in summaries])
        thresholds = {column: best_threshold(truth[~tested], found[~tested]) for column, found in scores.items()}
        predicted = {column: found >= thresholds[column] for column, found in scores.items()}
        predicted["majority"] = np.full(len(truth), truth[~tested].mean() >= 0.5)
        predicted["tfidf"] = _by_words(summaries, truth, ~tested)
        rows = []
        for domain in TESTED:
            of_domain = np.asarray([summary.domain == domain for summary in summaries])
            rows += _domain_rows(
                f"summedits {domain}", truth[of_domain], _at(predicted, of_domain), _at(scores, of_domain)
            )
        notes = (
            "summedits: a summary counts as its worst sentence, a sentence as its best chunk of the document; thresholds were "
            "chosen on the other six domains; frozen: cosine of sentence and chunk in place of the model; TF-IDF reads no "
            "document",
        )
        details = {"bundle": released.bundle.label, "thresholds": thresholds, "reading": reading.model_dump()}
        return Measured(tuple(rows), notes, details)

    decisive = released.decisive | {"limit": limit, "reading": reading.model_dump()}
    return Job("summedits", "answers", decisive, measure)


def _at(models: Mapping[str, np.ndarray], places: np.ndarray) -> dict[str, np.ndarray]:
    return {column: values[places] for column, values in models.items()}


def _domain_rows(
    subject: str, truth: np.ndarray, predicted: Mapping[str, np.ndarray], scores: Mapping[str, np.ndarray]
) -> list[Row]:
    changed = changed_share(predicted["fp32"], predicted["ours"]) if "fp32" in predicted else None
    balanced = {column: figure(metrics.macro_recall, truth, found) for column, found in predicted.items()}
    ranked = {column: figure(metrics.auroc, truth, found) for column, found in scores.items()}
    return [
        Row(subject=subject, metric="balanced_accuracy", changed=changed, **balanced),
        Row(subject=subject, metric="auroc", **ranked),
    ]


def grounded_scores(
    scorer: Scorer, summaries: Sequence[Summary], chunks: Mapping[str, Sequence[str]], *, question: str
) -> np.ndarray:
    """Return, per summary, the least over its sentences of the greatest P(grounded) over the document's chunks.

    A sentence that the scorer takes for another language is left out; a summary of nothing else has 0.

    Args:
        scorer: of a bundle with answer confidence.
        summaries: any.
        chunks: by document.
        question: what the sentences are judged as answers to.

    Returns:
        float64, (summaries,).
    """
    # summaries of one document differ in few sentences: each is judged once
    pairs = list(dict.fromkeys((row.document, sentence) for row in summaries for sentence in split_sentences(row.text)))
    judged: list[tuple[str, str]] = []
    drafts: list[AnswerExample] = []
    for document, sentence in pairs:
        for start in range(0, len(chunks[document]), MAX_PASSAGES):
            passages = tuple(chunks[document][start : start + MAX_PASSAGES])
            name = f"summedits:{len(drafts)}"
            drafts.append(
                AnswerExample(
                    id=name, source="summedits", message=question, answer=sentence, passages=passages, group=name
                )
            )
            judged.append((document, sentence))
    best: dict[tuple[str, str], float] = {}
    for pair, score in zip(judged, score_answers(scorer, drafts), strict=True):
        if score.answer is not None:
            best[pair] = max(best.get(pair, 0.0), score.answer["grounded"])
    worst = [
        [best[row.document, sentence] for sentence in split_sentences(row.text) if (row.document, sentence) in best]
        for row in summaries
    ]
    return np.asarray([min(found, default=0.0) for found in worst])


def nearest_scores(summaries: Sequence[Summary], chunks: Mapping[str, Sequence[str]], embed: Embed) -> np.ndarray:
    """Return, per summary, the least over its sentences of the greatest cosine with a chunk: float64, (summaries,)."""
    passages = {document: embed(list(parts)) for document, parts in chunks.items() if parts}
    found = []
    for row in summaries:
        sentences = split_sentences(row.text)
        if not sentences or row.document not in passages:
            found.append(0.0)
            continue
        found.append(float((embed(sentences) @ passages[row.document].T).max(axis=1).min()))
    return np.asarray(found)


def best_threshold(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the score from which on "consistent" gives the best balanced accuracy; the lowest of equals."""
    values = np.unique(scores)
    balanced = [metrics.macro_recall(truth, scores >= value) for value in values]
    return float(values[int(np.argmax(balanced))])


def _by_words(summaries: Sequence[Summary], truth: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return what a logistic regression on words of the other domains' summaries says: bool, (summaries,)."""
    texts = [summary.text for summary in summaries]
    train = [text for text, other in zip(texts, others, strict=True) if other]
    vectoriser = text_vectoriser().fit(train)
    return np.asarray(fit_logistic(vectoriser.transform(train), truth[others]).predict(vectoriser.transform(texts)))
