"""The pictures of a bundle's card, from the curves in its report: is a probability what it says, and what does caution buy?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Same report, same file: no dates, no random ids in the SVG.
_SETTINGS = {
    "svg.hashsalt": "baton", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip
_METADATA = {"Date": None}
_BLUE, _GREY = "#2458a6", "#8a8f98"

Curve = Sequence[tuple[float, float, int]]


def plot_reliability(path: Path, curves: Mapping[str, Curve]) -> None:
    """Write a reliability diagram for each head as SVG: observed rate over stated probability, a dot as large as its bin.

    Args:
        path: of the picture.
        curves: by title, (mean probability, observed rate, n) per bin.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    columns = 4
    rows = -(-len(curves) // columns)
    with mpl.rc_context(_SETTINGS):
        figure, axes = plt.subplots(
            rows, columns, figsize=(2.6 * columns, 2.7 * rows), squeeze=False, layout="constrained"
        )
        for axis in axes.flat[len(curves) :]:
            axis.set_axis_off()
        for axis, (title, curve) in zip(axes.flat, curves.items(), strict=False):
            total = sum(count for _, _, count in curve)
            axis.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8, linestyle="--")
            axis.plot([said for said, _, _ in curve], [seen for _, seen, _ in curve], color=_BLUE, linewidth=1.0)
            sizes = [6 + 120 * (count / total) ** 0.5 for _, _, count in curve]
            axis.scatter(
                [said for said, _, _ in curve], [seen for _, seen, _ in curve], s=sizes, color=_BLUE, alpha=0.6
            )
            axis.set(
                xlim=(-0.03, 1.03),
                ylim=(-0.03, 1.03),
                xticks=(0, 0.5, 1),
                yticks=(0, 0.5, 1),
                aspect="equal",
                title=f"{title} (n = {total})",
            )
        figure.supxlabel("stated probability")
        figure.supylabel("observed rate")
        figure.savefig(path, format="svg", metadata=_METADATA)
        plt.close(figure)


def plot_risk_coverage(path: Path, curves: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Write risk over coverage as SVG: the share of bad answers among those that would be sent, most confident first.

    Args:
        path: of the picture.
        curves: by title, (coverage, error rate).
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    with mpl.rc_context(_SETTINGS):
        figure, axis = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
        for title, curve in curves.items():
            (line,) = axis.plot([100 * share for share, _ in curve], [100 * risk for _, risk in curve], label=title)
            axis.axhline(100 * curve[-1][1], color=line.get_color(), linewidth=0.6, linestyle=":")
        axis.set(xlabel="answers sent, most confident first (%)", ylabel="bad answers among them (%)", xlim=(0, 100))
        axis.set_ylim(bottom=0)
        axis.legend(frameon=False)
        figure.savefig(path, format="svg", metadata=_METADATA)
        plt.close(figure)


def _short(source: str) -> str:
    """Return a source's name in the room that a small picture has."""
    return (
        source.replace("_track1_human_eval", "").replace("_product_qa", "").replace("_dev_half", "").replace("_", " ")
    )


def plot_report(folder: Path, report: Mapping[str, Any]) -> list[str]:
    """Write all pictures of a report into a bundle's folder; return their names, none where the report has no curves."""
    curves: dict[str, Curve] = {}
    for head, measured in report["messages"].items():
        if isinstance(measured, Mapping) and "reliability" in measured.get("all", {}):
            curves[head] = measured["all"]["reliability"]
    risks = {}
    for source, measured in report["answers"].items():
        good = measured.get("good", {}) if isinstance(measured, Mapping) else {}
        if "reliability" in good:
            curves[f"good, {_short(source)}"] = good["reliability"]
        if "risk_coverage" in good:
            risks[_short(source)] = good["risk_coverage"]
    written = []
    if curves:
        plot_reliability(folder / "reliability.svg", curves)
        written.append("reliability.svg")
    if risks:
        plot_risk_coverage(folder / "risk_coverage.svg", risks)
        written.append("risk_coverage.svg")
    return written
