"""Reports as one Markdown page: a table per family, beside the simple models, published figures and targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from training.benchmarks.recipes import Published, Standing
from training.benchmarks.records import COLUMNS, Family, Figure, Report, Row

TITLES: dict[Family, str] = {
    "intents": "Intents",
    "sentiment": "Sentiment",
    "answers": "Answers",
    "conversations": "Conversations",
}
MEASURES = {
    "accuracy": "accuracy",
    "macro_recall": "macro-averaged recall",
    "in_scope_accuracy": "in-scope accuracy, nothing rejected",
    "in_scope_accuracy_after_rejection": "in-scope accuracy, rejected counts as wrong",
    "oos_auroc": "out-of-scope AUROC",
    "oos_recall": "out-of-scope recall at 5 % in-scope rejection on validation",
    "in_scope_rejection": "in-scope rejection on these rows (lower is better)",
    "pearson": "Pearson",
    "auroc": "AUROC",
    "average_precision_of_bad": "average precision of bad answers",
    "aurc": "AURC (lower is better)",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
}
_HEADER = (
    "benchmark", "measure", "n", "majority", "TF-IDF + regression", "frozen encoder + regression", "ours, int8",
    "ours, fp32", "int8 changes", "published", "target",
)  # fmt: skip


def render(reports: Sequence[Report], standing: Standing, *, title: str = "Benchmarks") -> str:
    """Return the page of these reports.

    Args:
        reports: in any order.
        standing: where others stand.
        title: of the page: of which bundle, or on which rows.
    """
    lines = [f"# {title}", "", *_preface(), ""]
    for family, heading in TITLES.items():
        found = [report for report in reports if report.family == family]
        if not found:
            continue
        lines += [f"## {heading}", ""]
        lines += _table([row for report in found for row in report.rows], standing)
        notes = [note for report in found for note in report.notes]
        lines += [*(f"- {note}" for note in notes), *([""] if notes else [])]
    return "\n".join(lines).rstrip() + "\n"


def _preface() -> Iterable[str]:
    yield (
        "Written by `baton benchmark`. *Ours, int8* is what serves: the quantised graph through ONNX Runtime, one message at a "
        "time, with 95 % bootstrap intervals over rows; *fp32* is the same graph before quantisation, *int8 changes* the share "
        "of predictions that differ between the two. The networks of `banking77`, `clinc150`, `hwu64`, `tweeteval-sentiment` "
        "and `sst2` are fine-tuned all-MiniLM-L6-v2 encoders (22.7 M parameters), each from its corpus' training split alone, "
        "for this page alone: they are in no bundle. All other rows but `betold` are the released bundle. *Regression* is "
        "logistic, or ridge for ratings; *frozen encoder* is all-MiniLM-L6-v2 as published. Published figures are quoted, not "
        "measured here; a remark says where their rows or protocol differ. Answers to one question and summaries of one "
        "document are no independent rows, so the intervals of `dstc9` and `summedits` are somewhat too narrow."
    )


def _table(rows: Iterable[Row], standing: Standing) -> Iterable[str]:
    yield "| " + " | ".join(_HEADER) + " |"
    yield "|" + " --- |" * len(_HEADER)
    for subject, of_subject in groupby(rows, key=lambda row: row.subject):
        for row in of_subject:
            cells = [
                subject, MEASURES.get(row.metric, row.metric), str(_count(row)), _short(row.majority),
                _short(row.tfidf), _short(row.frozen), _long(row.ours), _short(row.fp32), _per_cent(row.changed),
                "; ".join(_quoted(entry) for entry in standing.best(subject, row.metric)) or "–",
                _number(standing.wanted(subject, row.metric)),
            ]  # fmt: skip
            yield "| " + " | ".join(cells) + " |"
    yield ""


def _count(row: Row) -> int:
    figures: list[Figure | None] = [getattr(row, column) for column in COLUMNS]
    return next(figure.n for figure in figures if figure is not None)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _short(figure: Figure | None) -> str:
    return _number(figure.value if figure else None)


def _long(figure: Figure | None) -> str:
    if figure is None or figure.value is None or figure.low is None or figure.high is None:
        return _short(figure)
    return f"**{figure.value:.3f}** ({figure.low:.3f} to {figure.high:.3f})"


def _per_cent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _quoted(entry: Published) -> str:
    size = "≤ 33 M: " if entry.small else ""
    remark = f", {entry.note}" if entry.note else ""
    return f"{size}{entry.value:.3f} {entry.name} ({entry.source}{remark})"
