"""The model card of a bundle, written from its manifest and report: data, metrics with n, known weaknesses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.bundle import Manifest
from training.evaluate import EXPLICIT_THRESHOLD

# What a reader must know and no figure says; kept here so that every release repeats or mends it.
WEAKNESSES = (
    "English only, but for `explicit`. A message that is surely in another language gets no other score "
    "(`unsupported_language`); short ones and Hindi in Latin letters are often taken for English or for nothing at all.",
    "What a message does in its conversation is judged with the bot's last message alone; what was said further back is "
    "not seen.",
    "legal_threat, harassment_report, most of safety_risk, all dialogue labels and all requests in other languages are learned "
    "from synthetic messages that were written for this; their test rows come from other batches, often of the same authors, "
    "so real customers will word them in ways that were not measured. No native speaker has read the rows in other languages.",
    "Sentiment is fitted to readers' ratings of tweets, product reviews, editorials and our own messages; long messages "
    "that praise and complain at once come out near the middle.",
    "Answer confidence is learned mostly from short answers about places, products and articles; long, many-step answers "
    "are rarer in its data, and arithmetic or dates that must be compared are beyond it. Without passages it only says whether "
    "the draft addresses the message.",
    'Some refusals before a wish ("I don\'t want a human. please close my account") still get a high `explicit` score; the '
    "default policy relies on the phrase list to see the negation. Dangers without a victim (a smoking battery, failing "
    "brakes) are missed.",
    "`not_helped` and `resolved` are the hardest of the dialogue labels. At the threshold for a precision of 0.9 few messages "
    "that weren't helped are found, so the default policy takes 0.6 and asks for a strongly negative message beside it.",
    "The combiner gives `sufficient` hardly any weight: a draft that is grounded and answers counts as good even where the "
    "passages hold less than the customer asked for.",
    'An answer to another question ("Lemons are yellow." to one about refunds) can get a confidence of 0.6.',
    "No answer with passages gets more than sigmoid(intercept) of the combiner: a threshold above that always fires.",
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
    yield from _custom(report.get("custom"))
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
        f"{report['unscored']} English messages were taken for another language: they have no scores but `explicit` and count "
        "as missed; under sentiment they are left out. Messages of other languages (`written-requests`) have `explicit` only."
    )
    yield ""
    for head in ("explicit", "out_of_scope", "frustration"):
        threshold = EXPLICIT_THRESHOLD if head == "explicit" else 0.5
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
        f"At {EXPLICIT_THRESHOLD}, as the default policy has it: F1 of the phrase lists alone, of n-grams with phrase lists, "
        "of the encoder, of all together; then what the scorer served, which first has to know the language. Last, F1 at 0.5. "
        "The test rows' writers saw no phrase list and no training row. `all` is all but English, whose own head is served "
        "where a message surely is English."
    )
    yield ""
    names = ("phrases", "ngrams", "encoder", "together")
    shown = ("precision", "recall", "f1", "f1_at_half", "auroc", "ece")
    yield from _table(
        ("language", "n", "positive", "F1 phrases", "F1 n-grams", "F1 encoder", "F1 together", "precision", "recall",
         "F1", "F1 at 0.5",
         "AUROC", "ECE-15"),
        (
            (
                language, str(entry["served"]["n"]), str(entry["served"]["n_positive"]),
                *(_cell(entry[name]["f1"]["value"]) for name in names),
                *(_cell(entry["served"][name]) for name in shown),
            )
            for language, entry in report.items()
        ),
    )  # fmt: skip


def _custom(report: Mapping[str, Any] | None) -> Iterable[str]:
    """Labels that nobody trained; nothing where the bundle scores none."""
    if not report:
        return
    yield f"## Custom labels (n = {report['n']}, {report['n_labels']} labels)"
    yield ""
    yield (
        "Labels that training never saw, given by a hand-written description, by so many examples, or by both, each to be "
        f"found among all messages of its trade ({', '.join(report['corpora'])}; nothing is trained or fitted on them). All "
        "these messages open a call with a wish, none is small talk, so labels compete harder than in a bot's traffic. Means "
        "over labels, intervals over labels; precision, recall and F1 at the recommended threshold; best F1 at each label's "
        "own best threshold, which nobody knows beforehand."
    )
    yield ""
    names = ("average_precision", "precision", "recall", "f1", "f1_at_half", "best_f1", "ece")
    yield from _table(
        (
            "evidence", "threshold", "average precision", "precision", "recall", "F1", "F1 at 0.5", "best F1", "ECE-15"
        ),
        (
            (evidence, f"{entry['threshold']:.2f}", *(_cell(entry[name]) for name in names))
            for evidence, entry in (
                (evidence, found["served"]) for evidence, found in report["evidence"].items() if "served" in found
            )
        ),
    )  # fmt: skip
    yield (
        "Average precision and AUROC beside others: `plain` compares in the embedding as it is, `pretrained` in that of the "
        "encoder before fine-tuning, `tfidf` words and characters."
    )
    yield ""
    methods = list(dict.fromkeys(name for found in report["evidence"].values() for name in found))
    yield from _table(
        ("evidence", *methods),
        (
            (
                evidence,
                *(
                    " / ".join(_said(entry[name]["value"]) for name in ("average_precision", "auroc"))
                    for entry in found.values()
                ),
            )
            for evidence, found in report["evidence"].items()
        ),
    )


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
