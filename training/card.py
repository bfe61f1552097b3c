"""The model card of a bundle, written from its manifest and report: data, metrics with n, known weaknesses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.bundle import Manifest

# What a reader must know and no figure says; kept here so that every release repeats or mends it.
WEAKNESSES = (
    "English only. A message that is surely in another language gets no model scores (`unsupported_language`); requests "
    "for a person are then found by a phrase list per locale.",
    'A message is read alone: the bot\'s message before it is not seen, so a bare "yes" is an affirmation and nothing more.',
    "legal_threat, harassment_report and most of safety_risk are learned from synthetic messages that were written for this; "
    "their test rows come from the same authors (other batches), so real customers will word them in ways that were not "
    "measured.",
    "Sentiment is fitted to readers' ratings of tweets, product reviews, editorials and our own messages; long messages "
    "that praise and complain at once come out near the middle.",
    "Answer confidence is learned mostly from short answers about places, products and articles; long, many-step answers "
    "are rarer in its data, and arithmetic or dates that must be compared are beyond it.",
    'Refusals of a person ("I don\'t want to talk to a human") get a high `explicit` score; the default policy relies on the '
    "phrase list to see the negation.",
    'Short legal threats without a lawyer or a court in them ("I\'ll sue you") and accidents told in passing are often missed.',
    "Nonsense that the passages neither support nor contradict can get a confidence between 0.5 and 0.7, and without "
    'passages an "I don\'t know" can look like an answer. No answer with passages gets more than sigmoid(intercept) of the '
    "combiner, about 0.9: a threshold above that always fires.",
    "DSTC9's test leaves out 1,964 rows whose retrieved passage train shows too, there as a wrong retrieval. With them, in the "
    "release before, AUROC was 0.697: answers from passages that look alike, of neighbouring hotels say, are the hard ones.",
    "Intervals are over rows; eleven systems answered the same DSTC9 questions, so its intervals are somewhat too narrow.",
    "Rates of a label in the calibration data are not those of your traffic: look at the probabilities on your own "
    "conversations before you lower a threshold.",
)


def write_card(path: Path, manifest: Manifest, report: Mapping[str, Any], pictures: Sequence[str] = ()) -> None:
    """Write the card as Markdown; ``pictures`` are names of files that lie beside it."""
    path.write_text("\n".join(_lines(manifest, report, pictures)) + "\n", encoding="utf-8")


def _lines(manifest: Manifest, report: Mapping[str, Any], pictures: Sequence[str]) -> Iterable[str]:
    yield f"# Bundle {manifest.label}"
    yield ""
    yield (
        "Two int8 ONNX graphs, each a fine-tuned all-MiniLM-L6-v2 (22.7 M parameters, Apache-2.0): `message.onnx` scores a "
        "customer message (intents with topics, out-of-scope, explicit request, sentiment, frustration; with the bot's message "
        "before it, what it does in the conversation), `confidence.onnx` judges a draft answer against its passages. This page "
        "is written by the release; every figure is of the int8 graphs, on the test split, through the scorer that serves."
    )
    yield ""
    for name in pictures:
        yield f"![{name.removesuffix('.svg').replace('_', ' ')}]({name})"
        yield ""
    yield from _messages(report["messages"], report["baselines"]["tfidf_on_written"])
    yield from _dialogue(report["messages"]["dialogue"])
    yield from _requests(report["requests"])
    yield from _answers(report["answers"], report["baselines"]["overlap_on_answers"])
    yield from _parity(report["parity"], report["answer_parity"])
    yield from _twins(report)
    yield from ["## Known weaknesses", "", *(f"- {line}" for line in WEAKNESSES), ""]
    yield from _data(manifest)


def _cell(figure: Any) -> str:
    """Return a figure, or a plain number, for a table; what isn't defined is empty."""
    if not isinstance(figure, Mapping):
        return "" if figure is None else f"{figure:.3f}"
    value, low, high = _cell(figure["value"]), _cell(figure["low"]), _cell(figure["high"])
    return f"{value} ({low} to {high})" if value and low and high else value


def _said(number: float | None, *, digits: int = 3) -> str:
    """Return a number for a sentence."""
    return "not defined" if number is None else f"{number:.{digits}f}"


def _share(number: float | None) -> str:
    """Return a share for a sentence, in percent."""
    return "not defined" if number is None else f"{100 * number:.2f} %"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterable[str]:
    header = list(header)
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _messages(report: Mapping[str, Any], baseline: Mapping[str, Any]) -> Iterable[str]:
    yield f"## Messages (n = {report['n']})"
    yield ""
    yield (
        "Intervals are 95 % bootstrap. `written` is synthetic, here and below: drafted with a language model under our "
        "guideline and reviewed row by row; its test rows are other batches of the same authors. The other sources are public "
        "corpora. "
        f"{report['unscored']} messages were taken for another language and count as missed; under sentiment they are left out."
    )
    yield ""
    for head in ("explicit", "out_of_scope", "frustration"):
        threshold = 0.8 if head == "explicit" else 0.5
        yield f"### {head} (precision, recall, F1 and false positives at {threshold})"
        yield ""
        names = ("auroc", "precision", "recall", "f1", "ece", "brier", "false_positive_rate")
        yield from _table(
            ("source", "n", "positive", "AUROC", "precision", "recall", "F1", "ECE-15", "Brier", "false positive rate"),
            (
                (source, str(entry["n"]), str(entry["n_positive"]), *(_cell(entry.get(name)) for name in names))
                for source, entry in report[head].items()
            ),
        )
        if head in baseline:
            found = baseline[head]
            yield (
                f"TF-IDF + logistic regression on `written`: AUROC {_said(found['auroc'])}, F1 {_said(found['f1'])} at the "
                f"same threshold, {_said(found['best_f1'])} at its best one."
            )
            if "phrases_f1" in found:
                yield f"The phrase list alone: F1 {_said(found['phrases_f1'])}."
            yield ""
    yield "### sentiment (against readers' mean ratings)"
    yield ""
    yield from _table(
        ("source", "n", "not scored", "Pearson", "mean absolute error"),
        (
            (
                source,
                str(entry["n"]),
                str(entry["unscored"]),
                _cell(entry["pearson"]),
                _cell(entry["mean_absolute_error"]),
            )
            for source, entry in report["sentiment"].items()
        ),
    )
    if "sentiment" in baseline:
        yield f"TF-IDF + ridge regression on `written`: Pearson {_said(baseline['sentiment']['pearson'])}."
        yield ""
    yield "### intents (at the bundle's recommended threshold of each label)"
    yield ""
    yield from _table(
        ("source", "n", "micro F1", "macro F1", "macro average precision"),
        (
            (
                source,
                str(entry["n"]),
                _cell(entry["micro_f1"]),
                _cell(entry["macro_f1"]),
                _cell(entry["macro_average_precision"]),
            )
            for source, entry in report["intents"].items()
        ),
    )
    if "intents" in baseline:
        found = baseline["intents"]
        yield (
            f"TF-IDF + logistic regression on `written`: micro F1 {_said(found['micro_f1'])} at 0.5, macro average precision "
            f"{_said(found['macro_average_precision'])}."
        )
        yield ""
    for source in ("written", "all"):
        if source not in report["intents"]:
            continue
        yield f"Each label on `{source}`:"
        yield ""
        labels = report["intents"][source]["labels"]
        shown = ("precision", "recall", "f1", "average_precision")
        yield from _table(
            ("label", "positive", "n", "precision", "recall", "F1", "average precision"),
            (
                (label, str(entry["n_positive"]), str(entry["n"]), *(_cell(entry[name]) for name in shown))
                for label, entry in labels.items()
            ),
        )


def _dialogue(report: Mapping[str, Any]) -> Iterable[str]:
    if "written" not in report:
        return
    entry = report["written"]
    yield "### dialogue (a customer's message with the bot's before it; a bot's message alone)"
    yield ""
    yield (
        f"On {entry['n']} messages of our own exchanges and conversations: micro F1 {_cell(entry['micro_f1'])} at the "
        f"recommended thresholds, macro average precision {_cell(entry['macro_average_precision'])}, ECE-15 "
        f"{_cell(entry['ece'])}. No public corpus has these labels."
    )
    yield ""
    shown = ("precision", "recall", "f1", "average_precision")
    yield from _table(
        ("label", "positive", "n", "precision", "recall", "F1", "average precision"),
        (
            (label, str(found["n_positive"]), str(found["n"]), *(_cell(found[name]) for name in shown))
            for label, found in entry["labels"].items()
        ),
    )


def _requests(report: Mapping[str, Any]) -> Iterable[str]:
    yield "### explicit requests in other languages"
    yield ""
    yield (
        "Precision, recall and F1 at 0.8, as the default policy has it, then F1 at 0.5. Alone and together: the phrase lists, "
        "n-grams with phrase lists, the encoder, all (this is served). The test rows' writers saw no phrase list. `en` is what "
        "this head would say of English, where the encoder's own head is served."
    )
    yield ""
    names = ("phrases", "ngrams", "encoder", "together")
    yield from _table(
        ("language", "n", "positive", "F1 phrases", "F1 n-grams", "F1 encoder", "precision", "recall", "F1", "F1 at 0.5",
         "AUROC", "ECE-15"),
        (
            (
                language, str(entry["together"]["n"]), str(entry["together"]["n_positive"]),
                *(_cell(entry[name]["f1"]["value"]) for name in names[:3]),
                *(_cell(entry["together"][name]) for name in ("precision", "recall", "f1", "f1_at_half", "auroc", "ece")),
            )
            for language, entry in report.items()
        ),
    )  # fmt: skip


def _answers(report: Mapping[str, Any], baseline: Mapping[str, Any]) -> Iterable[str]:
    yield f"## Answer confidence (n = {report['n']})"
    yield ""
    yield "AUROC of good against bad answers, average precision of finding the bad ones, AURC (lower is better)."
    yield ""
    names = ("auroc", "average_precision_of_bad", "aurc", "ece", "brier")
    found = {
        source: entry["good"] for source, entry in report.items() if isinstance(entry, Mapping) and "good" in entry
    }
    yield from _table(
        ("source", "n", "bad", "AUROC", "AP of bad", "AURC", "ECE-15", "Brier", "word overlap: AUROC / AP / AURC"),
        (
            (
                source, str(entry["n"]), str(entry["n_bad"]), *(_cell(entry[name]) for name in names),
                " / ".join(_said(baseline[source][name]) for name in names[:3]) if source in baseline else "",
            )
            for source, entry in found.items()
        ),
    )  # fmt: skip
    parts = [
        (source, part, str(entry[part]["n"]), _cell(entry[part]["auroc"]), _cell(entry[part]["ece"]))
        for source, entry in report.items()
        if isinstance(entry, Mapping)
        for part in ("sufficient", "grounded", "answers")
        if part in entry
    ]
    yield from _table(("source", "part", "n", "AUROC", "ECE-15"), parts)


def _parity(report: Mapping[str, Any], answers: Mapping[str, Any]) -> Iterable[str]:
    yield "## int8 against fp32"
    yield ""
    yield (
        f"On {report['n']} held-out messages, each decided by the default policy as an opening message: "
        f"{report['decision_flips']} decisions differ ({_share(report['decision_flip_share'])}), the best label differs on "
        f"{_share(report['best_label_share'])}; mean difference of `explicit` "
        f"{_said(report['explicit_mean_difference'], digits=4)} (largest {_said(report['explicit_max_difference'])}), of "
        f"`sentiment` {_said(report['sentiment_mean_difference'], digits=4)}."
    )
    yield ""
    yield (
        f"On {answers['n']} held-out answers the confidence changes sides at 0.5 on {_share(answers['flip_share'])}; mean "
        f"difference {_said(answers['mean_difference'], digits=4)}, largest {_said(answers['max_difference'])}."
    )
    yield ""


# what a metric of the int8 graphs is compared with: the same metric of their fp32 twin
_COMPARED = ("auroc", "average_precision", "f1", "pearson", "micro_f1", "average_precision_of_bad", "aurc")


def _twins(report: Mapping[str, Any]) -> Iterable[str]:
    yield "Every metric of the int8 graphs beside that of their fp32 twins, where they differ by more than 0.3 points:"
    yield ""
    pairs = [
        *_compared(report["messages"], report["fp32"]["messages"], ()),
        *_compared(report["answers"], report["fp32"]["answers"], ()),
    ]
    apart = [(name, served, twin) for name, served, twin in pairs if abs(served - twin) > 0.003]
    yield from _table(("metric", "int8", "fp32"), ((name, _cell(served), _cell(twin)) for name, served, twin in apart))
    yield f"{len(apart)} of {len(pairs)} differ so much."
    yield ""


def _compared(served: Any, twin: Any, at: tuple[str, ...]) -> Iterable[tuple[str, float, float]]:
    """Yield name, served value and twin's value of every compared metric below a node of the report."""
    if not isinstance(served, Mapping) or not isinstance(twin, Mapping):
        return
    for key, value in served.items():
        if key in _COMPARED and isinstance(value, Mapping) and key in twin:
            values = value.get("value"), twin[key].get("value")
            if values[0] is not None and values[1] is not None:
                yield ".".join((*at, key)), values[0], values[1]
        elif key != "labels":
            yield from _compared(value, twin.get(key), (*at, key))


def _data(manifest: Manifest) -> Iterable[str]:
    yield "## Data"
    yield ""
    yield (
        "Splits are by conversation, entity, document or author batch, never by row; near-identical texts across splits were "
        "dropped. No evaluation-only corpus was read. Fingerprints: messages "
        f"`{manifest.data['messages_fingerprint'][:16]}`, answers `{manifest.data['answers_fingerprint'][:16]}`."
    )
    yield ""
    yield from _table(
        ("source", "licence", "train", "calibration", "test"),
        (
            (f"[{entry['name']}]({entry['url']})" if entry.get("url") else entry["name"], entry["licence"],
             *(str(entry["rows"].get(split, 0)) for split in ("train", "calibration", "test")))
            for entry in manifest.data["sources"]
        ),
    )  # fmt: skip
    yield "## Training"
    yield ""
    yield from (
        f"- {name}: `{value}`" for name, value in sorted(manifest.training.items()) if not isinstance(value, Mapping)
    )
