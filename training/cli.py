"""The commands of this room: `baton train`, `baton benchmark`, `baton replay`, `baton data`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from models.bundle import DEFAULT_PATH, Bundle
from models.conversation import prepare
from models.policy.schema import default_policy, load_policy
from models.scorer import Scorer
from training.config import load_experiment
from training.sources.catalog import SourceError, data_folder, find_problems, read_catalog


def train(
    experiment: Annotated[
        str, typer.Argument(help="Name of training/configs/<name>.toml, or a path to one.")
    ] = "default",
    work: Annotated[
        Path | None, typer.Option(help="Folder for weights, logs and the bundle; default runs/<experiment>.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Version of the bundle; default year.month.day.")] = None,
    release: Annotated[  # noqa: FBT002 - an option, not an argument
        bool, typer.Option("--release", help="Move the bundle to models/bundles/ when it passes the gates.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Cores for training and scoring.")] = 2,
) -> None:
    """Train, calibrate, export and measure a bundle; an interrupted run goes on where it stopped.

    Reads the corpora from the folder that BATON_DATA names.
    """
    from training.pipeline import run_experiment  # noqa: PLC0415 - torch takes seconds

    settings = load_experiment(experiment)
    folder = work or Path("runs") / settings.name
    chosen = version or datetime.now(UTC).strftime("%Y.%m.%d")
    report = run_experiment(settings, folder, version=chosen, release_it=release, threads=threads)
    parity = report["parity"]
    typer.echo(f"bundle in {folder / 'bundle'}; {parity['decision_flips']} of {parity['n']} decisions differ from fp32")
    typer.echo(f"all figures: {folder / 'report.json'}")


def benchmark(
    names: Annotated[list[str] | None, typer.Argument(help="Names of benchmarks; none is all.")] = None,
    work: Annotated[Path, typer.Option(help="Folder for weights, graphs and reports.")] = Path("runs/benchmarks"),
    threads: Annotated[int, typer.Option(min=1, help="Cores for training and scoring.")] = 2,
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle to measure.")] = DEFAULT_PATH,
    twin: Annotated[
        Path | None, typer.Option(help="Folder of its fp32 twin; default runs/<name of the bundle>/bundle-fp32.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="About so many rows of each split, to try things out.")
    ] = None,
    choose: Annotated[  # noqa: FBT002 - an option, not an argument
        bool, typer.Option("--choose", help="Measure validation rows and leave the test closed, to choose a recipe.")
    ] = False,
    again: Annotated[  # noqa: FBT002 - an option, not an argument
        bool, typer.Option("--again", help="Measure again what is measured; weights are kept.")
    ] = False,
    publish: Annotated[  # noqa: FBT002 - an option, not an argument
        bool, typer.Option("--publish", help="Write the page of these benchmarks into the bundle's folder.")
    ] = False,
) -> None:
    """Measure the standard benchmarks on int8 graphs, training what isn't trained yet; finished work is not repeated.

    Reads the corpora from the folder that BATON_DATA names.
    """
    from training.benchmarks.run import Workplace, run_benchmarks  # noqa: PLC0415 - torch takes seconds

    at = Workplace(work, bundle, twin, threads=threads, limit=limit, choose=choose)
    typer.echo(run_benchmarks(names or (), at, again=again, publish=publish))


def replay(
    policy: Annotated[Path | None, typer.Argument(help="A policy file; default the policy that ships.")] = None,
    split: Annotated[str, typer.Option(help="Which half of our written conversations: tune or held_out.")] = "tune",
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle that scores.")] = DEFAULT_PATH,
    confusions: Annotated[int, typer.Option(min=0, help="How many kinds of mistakes to list.")] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="All figures, as JSON.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Play our labelled conversations under a policy, beside the simplest ones: what it hands over, late, or for nothing.

    Tune on `tune`; look at `held_out` once, to report.
    """
    from training.thresholds import conversations  # noqa: PLC0415 - only this command needs it

    if split not in {"tune", "held_out"}:
        raise typer.BadParameter(f"{split!r}, expected tune or held_out", param_hint="--split")
    scorer = Scorer(Bundle.load(bundle))
    prepared = prepare(load_policy(policy) if policy else default_policy(), scorer)
    chosen = prepared.policy
    scored = conversations.score_conversations(scorer, list(conversations.read_conversations(split)), prepared.labels)
    figures = conversations.compare(scored, chosen)
    if as_json:
        typer.echo(json.dumps(figures, indent=1))
        return
    typer.echo(f"{len(scored)} conversations ({split}), scored by {scorer.bundle.label}, decided by {chosen.label}\n")
    typer.echo(conversations.table(figures))
    mistakes = figures[chosen.name]["confusions"]
    typer.echo(f"\nMistakes of {chosen.name}, the most frequent of {sum(entry['n'] for entry in mistakes)}:")
    for entry in mistakes[:confusions]:
        blame = f" ({entry['blame']})" if entry["blame"] else ""
        typer.echo(f"  {entry['n']:3}  gold {entry['gold']}, {entry['predicted']}{blame}")


data = typer.Typer(add_completion=False, help="The public corpora: fetch and check them.", no_args_is_help=True)


@data.command("fetch")
def fetch_data(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of corpora; none is all of data/sources.toml.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Where to; default the folder that BATON_DATA names.")] = None,
) -> None:
    """Fetch the corpora from their public addresses, each file checked by its SHA-256; what is there isn't fetched again."""
    from training.sources.fetch import fetch  # noqa: PLC0415 - only this command needs it

    catalog = read_catalog()
    unknown = sorted(set(names or ()) - set(catalog))
    if unknown:
        raise SourceError(f"unknown corpora {', '.join(unknown)}; expected some of {', '.join(sorted(catalog))}")
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    target = data_folder() if to is None else to
    failed = False
    for outcome in fetch([catalog[name] for name in names or catalog], target):
        corpus = outcome.corpus
        typer.echo(
            f"{corpus.name} ({corpus.licence}, {corpus.role}): {len(outcome.fetched)} fetched, {len(outcome.present)} there "
            f"before, {len(outcome.missing)} missing"
        )
        for problem in (*outcome.problems, *(f"not found: {name}" for name in outcome.missing)):
            typer.echo(f"  {problem}", err=True)
        failed = failed or bool(outcome.missing or outcome.problems)
    if failed:
        raise typer.Exit(1)


@data.command("check")
def check_data() -> None:
    """Say of every corpus whether it lies in BATON_DATA, as it was published."""
    target = data_folder()
    failed = False
    for corpus in read_catalog().values():
        problems = list(find_problems(target / corpus.folder, corpus))
        failed = failed or bool(problems)
        typer.echo(f"{corpus.name} ({corpus.licence}, {corpus.role}): {'; '.join(problems[:3]) or 'as published'}")
    if failed:
        raise typer.Exit(1)
