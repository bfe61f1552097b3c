"""Gates, model card and the move into ``models/bundles``: nothing else writes there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.bundle import ANSWER_HEAD, Bundle, Manifest, write_manifest
from models.errors import BatonError
from training.card import write_card
from training.config import Gate
from training.plots import plot_report

BUNDLES = Path(__file__).parent.parent / "models" / "bundles"


class GateError(BatonError):
    """A candidate is worse than a release gate allows; nothing was released."""


def lookup(report: Mapping[str, Any], path: str) -> float:
    """Return the number at a dotted path of a report; a reported figure counts by its value.

    Raises:
        GateError: there is none.
    """
    node: Any = report
    for part in path.split("."):
        if not isinstance(node, Mapping) or part not in node:
            raise GateError(f"the report has no {path!r}: {part!r} is missing; mend the gate or the evaluation")
        node = node[part]
    value = node.get("value", node) if isinstance(node, Mapping) else node
    if not isinstance(value, int | float):
        raise GateError(f"the report's {path!r} is no number but {type(value).__name__}; name a figure that is defined")
    return float(value)


def check_gates(report: Mapping[str, Any], gates: Sequence[Gate]) -> list[str]:
    """Return a sentence for each gate that fails; an empty list lets the candidate pass."""
    failures = []
    for gate in gates:
        found = lookup(report, gate.metric)
        if gate.minimum is not None and not found >= gate.minimum:
            failures.append(f"{gate.metric} is {found:.4f}, at least {gate.minimum} is wanted")
        if gate.maximum is not None and not found <= gate.maximum:
            failures.append(f"{gate.metric} is {found:.4f}, at most {gate.maximum} is allowed")
    return failures


def git_commit() -> str:
    """Return the commit that is checked out, with ``+changes`` when the tree differs; ``unknown`` outside a checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--", "models", "training", "data")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+changes" if changed else "")


def _git(*words: str) -> str:
    here = Path(__file__).parent.parent
    found = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return found.stdout.strip()


def finish_manifest(
    served: Path, *, version: str, report: Mapping[str, Any], training: Mapping[str, Any], data: Mapping[str, Any]
) -> Manifest:
    """Write the manifest again with version, metrics by head and provenance; the graphs stay as they were measured."""
    work = Bundle.load(served).manifest
    measured = report["messages"]
    heads = {}
    for name, head in work.heads.items():
        key = {"polarity": "sentiment"}.get(name, name)
        metrics = measured.get(key, {}) if name != ANSWER_HEAD else report["answers"]
        heads[name] = head.model_copy(update={"metrics": metrics})
    fields = work.model_dump(exclude={"format_version", "created_at", "files"})
    if work.requests is not None:
        fields["requests"] = work.requests.model_copy(update={"metrics": report["requests"]})
    fields |= {"version": version, "heads": heads, "training": dict(training), "data": dict(data)}
    if work.custom is not None and report.get("custom"):
        measured = {name: found["served"] for name, found in report["custom"]["evidence"].items()}
        fields["custom"] = work.custom.model_copy(update={"metrics": measured})
    fields["licences"] = sorted({entry["licence"] for entry in data["sources"]} | {"Apache-2.0"})
    return write_manifest(served, created_at=datetime.now(UTC), **fields)


def release(served: Path, report: Mapping[str, Any], gates: Sequence[Gate], *, bundles: Path = BUNDLES) -> Path:
    """Let a finished bundle pass the gates and become ``bundles/<name>``; the one it replaces is removed.

    Raises:
        GateError: a gate fails; says which and by how much, and leaves everything as it was.
    """
    failures = check_gates(report, gates)
    if failures:
        raise GateError("the candidate is not released: " + "; ".join(failures))
    manifest = Bundle.load(served).manifest
    write_card(served / "README.md", manifest, report, plot_report(served, report))
    target, fresh = bundles / manifest.name, bundles / f".{manifest.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(served, fresh)
    Bundle.load(fresh)
    _swap(fresh, target)
    _record(bundles / "RELEASES.toml", manifest)
    return target


def _swap(fresh: Path, target: Path) -> None:
    """Put ``fresh`` in the place of ``target``; if that fails, ``target`` is what it was."""
    former = target.with_name(f".{target.name}.former")
    shutil.rmtree(former, ignore_errors=True)
    if target.exists():
        target.replace(former)
    try:
        fresh.replace(target)
    except OSError:
        if former.exists():
            former.replace(target)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _record(path: Path, manifest: Manifest) -> None:
    """Append the release: which files, from which data and code."""
    lines = [
        "",
        "[[release]]",
        f"name = {json.dumps(manifest.name)}",
        f"version = {json.dumps(manifest.version)}",
        f"created_at = {manifest.created_at.isoformat()}",
        f"commit = {json.dumps(manifest.training.get('commit', 'unknown'))}",
        f"data_fingerprints = {json.dumps([manifest.data['messages_fingerprint'], manifest.data['answers_fingerprint']])}",
        *(f"sha256.{json.dumps(name)} = {json.dumps(value)}" for name, value in sorted(manifest.files.items())),
    ]
    head = "# Every bundle that was released, the newest last; written by `baton train --release`.\n"
    text = path.read_text(encoding="utf-8") if path.exists() else head
    path.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
