"""Runs benchmarks by name, keeps one JSON report each, and writes the page that shows them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from tqdm import tqdm

from models.bundle import DEFAULT_PATH
from models.records import AnswerExample, LabelledMessage
from training.benchmarks.calls import calls_job
from training.benchmarks.classes import class_job
from training.benchmarks.drafts import dstc9_job
from training.benchmarks.graphs import FrozenEncoder
from training.benchmarks.jobs import Job, run_job
from training.benchmarks.page import render
from training.benchmarks.ratings import polarity_job, vader_job
from training.benchmarks.recipes import Recipes, load_recipes, load_standing
from training.benchmarks.records import Report, read_report
from training.benchmarks.released import BenchmarkError, Released, load_released, split_answers, split_messages
from training.benchmarks.summaries import summaries_job
from training.sources.benchmarks import CLASSED, load_calls, load_classed, load_summaries, thin

PAGE = "BENCHMARKS.md"


@dataclass
class Workplace:
    """What benchmarks share; what takes long to load is loaded when the first of them asks for it.

    Attributes:
        work: folder for weights, graphs, baselines and reports.
        folder: of the bundle.
        twin: folder of its fp32 twin, if not where training left it.
        threads: for training and for scoring.
        limit: about how many rows of each split; for trying things out.
        choose: measure validation rows in place of the test, to choose a recipe.
        recipes: how networks are trained.
    """

    work: Path
    folder: Path = DEFAULT_PATH
    twin: Path | None = None
    threads: int = 1
    limit: int | None = None
    choose: bool = False
    recipes: Recipes = field(default_factory=load_recipes)

    @cached_property
    def released(self) -> Released:
        """The bundle with its scorers."""
        return load_released(self.folder, twin=self.twin, threads=self.threads)

    @cached_property
    def messages(self) -> list[LabelledMessage]:
        """The labelled messages as the bundle's training split them."""
        return split_messages(self.released.experiment)

    @cached_property
    def answers(self) -> list[AnswerExample]:
        """The rated answers as the bundle's training split them."""
        return split_answers(self.released.experiment)

    @cached_property
    def frozen(self) -> FrozenEncoder:
        """The pretrained encoder that the bundle was fine-tuned from."""
        return FrozenEncoder(self.released.experiment.encoder.name, self.work / "weights", self.threads)

    def job(self, name: str) -> Job:
        """Return the job of a benchmark."""
        if name in CLASSED:
            if name not in self.recipes.classes:
                raise BenchmarkError(f"no recipe for {name}; expected a table [classes.{name}] in benchmarks.toml")
            recipe, data = self.recipes.classes[name], load_classed(name)
            chosen = data.for_choosing() if self.choose else data
            return class_job(chosen.limited(self.limit), recipe, self.work, threads=self.threads)
        if self.choose:
            raise BenchmarkError(f"{name} has no recipe to choose; --choose is for {', '.join(CLASSED)}")
        return _OTHERS[name](self)


_OTHERS: dict[str, Callable[[Workplace], Job]] = {
    "vader": lambda at: vader_job(at.released, lambda: at.messages, at.frozen.embed, limit=at.limit),
    "polarity-zero-shot": lambda at: polarity_job(
        at.released,
        {name: lambda name=name: load_classed(name) for name in ("sst2", "tweeteval-sentiment")},  # type: ignore[misc]
        limit=at.limit,
    ),
    "dstc9": lambda at: dstc9_job(at.released, lambda: at.answers, at.frozen.embed, limit=at.limit),
    "summedits": lambda at: summaries_job(
        at.released, load_summaries, at.recipes.summaries, at.frozen.embed, limit=at.limit
    ),
    "betold": lambda at: calls_job(*(thin(calls, at.limit) for calls in load_calls())),
}
NAMES = (*CLASSED, *_OTHERS)


def run_benchmarks(names: Sequence[str], at: Workplace, *, again: bool = False, publish: bool = False) -> str:
    """Run benchmarks and return the page of these, as Markdown; the page of all lies in the work folder.

    Args:
        names: of benchmarks; none is all.
        at: what they share.
        again: measure even what lies measured in the work folder; weights are kept.
        publish: write the page into the bundle's folder; it names the benchmarks that it lacks.

    Raises:
        BenchmarkError: an unknown name, or a page to publish that wouldn't be of the test rows.
    """
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise BenchmarkError(f"no benchmark {', '.join(unknown)}; expected some of {', '.join(NAMES)}")
    if publish and (at.limit or at.choose):
        raise BenchmarkError("only figures of all test rows are published; leave out --limit and --choose")
    torch.set_num_threads(at.threads)
    chosen = [name for name in NAMES if name in names] or list(CLASSED if at.choose else NAMES)
    reports = at.work / _variant(at)
    title = "Benchmarks" + (", validation rows" if at.choose else "") + (f", {at.limit} rows" if at.limit else "")
    found = [run_job(at.job(name), reports, again=again) for name in tqdm(chosen, desc="benchmarks", unit="benchmark")]
    (reports / "README.md").write_text(render(_finished(reports), load_standing(), title=title), encoding="utf-8")
    if publish:
        page = render(found, load_standing(), title=f"Benchmarks of {at.released.bundle.label}")
        absent = [name for name in NAMES if name not in chosen]
        if absent:
            page += f"\nNot measured for this page: {', '.join(absent)}.\n"
        (at.folder / PAGE).write_text(page, encoding="utf-8")
        return page
    return render(found, load_standing(), title=title)


def _variant(at: Workplace) -> str:
    """Return the folder of reports that must not be taken for one another: of all test rows, of some, of validation rows."""
    return "-".join([*(["choose"] if at.choose else []), *([f"limit-{at.limit}"] if at.limit else [])]) or "reports"


def _finished(folder: Path) -> list[Report]:
    reports = (read_report(folder / f"{name}.json") for name in NAMES)
    return [report for report in reports if report is not None]
