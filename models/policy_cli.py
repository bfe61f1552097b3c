"""`baton policy`: validate, lint, show, compare, import and export policies."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.bundle import DEFAULT_PATH, Bundle
from models.errors import PolicyError
from models.facts import facts_of
from models.policy.compat.linktor import import_linktor
from models.policy.compat.linktor_export import export_linktor
from models.policy.compat.scaibot import import_scaibot
from models.policy.compat.scaibot_export import export_scaibot
from models.policy.diff import describe, diff
from models.policy.lint import SEVERITIES, Facts, Finding, lint
from models.policy.outline import outline
from models.policy.publishing import json_schema, to_yaml
from models.policy.rules import Rule
from models.policy.schema import Policy, load_policy, parse_policy, preset, preset_names

STDIN = "-"
COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan", "escalate": "red", "offer": "yellow"}
EXPORTS = {"linktor": export_linktor, "scaibot": export_scaibot}

Product = Literal["linktor", "scaibot"]
Source = Annotated[
    str, typer.Argument(metavar="FILE", help="A YAML or JSON file, - for standard input, or a preset's name.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
BundlePath = Annotated[
    Path, typer.Option("--bundle", help="Folder of the bundle that the policy is for.", envvar="BATON_BUNDLE")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Where to write; default: standard output.")]

policy_app = typer.Typer(no_args_is_help=True, help="Validate, lint, show, compare, import and export policies.")


@policy_app.command()
def validate(source: Source) -> None:
    """Say whether a file holds a policy; else every problem with its line, what was found and what mends it."""
    policy = _read(source)
    typer.echo(f"{policy.label} is a policy of {len(policy.rules)} rules")


@policy_app.command("lint")
def lint_policy(
    source: Source = "default",
    bundle: BundlePath = DEFAULT_PATH,
    without_bundle: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--no-bundle", help="Say nothing of labels, languages and scores.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Find rules that can't decide, terms and thresholds that misfire, labels that the bundle doesn't know.

    Exit code 1 if there is an error; with --strict also for a warning. Advice never fails.
    """
    policy = _read(source)
    facts = None if without_bundle else facts_of(Bundle.load(bundle).manifest)
    found = lint(policy, facts)
    if as_json:
        _write_json([_plain(finding) for finding in found])
    else:
        _show_findings(policy, facts, found)
    failing = SEVERITIES[: 2 if strict else 1]
    raise typer.Exit(int(any(finding.severity in failing for finding in found)))


@policy_app.command()
def show(source: Source = "default", as_json: AsJson = False) -> None:  # noqa: FBT002
    """List a policy's rules in the order in which they are looked at, with what they wait for."""
    policy = _read(source)
    if as_json:
        _write_json(_document(policy))
        return
    table = Table("priority", "rule", "then", "when", "action", box=None, pad_edge=False, header_style="bold")
    for rule in sorted(policy.rules, key=lambda rule: -rule.priority):
        table.add_row(*_row(rule, policy), style=None if rule.enabled and policy.enabled else "dim")
    console = Console()
    console.print(f"[bold]{escape(policy.label)}[/bold]  {_settings(policy)}", highlight=False, soft_wrap=True)
    console.print(table)


@policy_app.command("diff")
def diff_policies(
    old: Source,
    new: Annotated[str, typer.Argument(metavar="NEW", help="As FILE, the policy that comes after it.")],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Say what changed from one policy to another, one line a change."""
    changes = diff(_read(old), _read(new))
    if as_json:
        _write_json([{"path": change.path, "before": change.before, "after": change.after} for change in changes])
    else:
        typer.echo(describe(changes) or "no difference")


@policy_app.command()
def schema() -> None:
    """Print the JSON Schema of policies, for an editor that completes and checks them."""
    _write_json(json_schema())


@policy_app.command("import")
def import_policy(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The other product's configuration; - for standard input.")
    ],
    product: Annotated[Product, typer.Option("--from", help="Whose configuration it is.")],
    output: Output = None,
    bundle: BundlePath = DEFAULT_PATH,
) -> None:
    """Read another product's escalation rules as a policy; what has no meaning here is named on standard error.

    Intents that the bundle knows are taken for its own; others become labels of the policy, which want examples.
    """
    text = _text(file)
    if product == "linktor":
        imported = import_linktor(text)
    else:
        imported = import_scaibot(text, known=facts_of(Bundle.load(bundle).manifest).intents)
    for warning in imported.warnings:
        typer.echo(f"baton: warning: {warning}", err=True)
    imported.policy()  # whatever was imported must load again
    _write(to_yaml(imported.document), output)


@policy_app.command()
def export(
    source: Source,
    product: Annotated[Product, typer.Option("--to", help="For which product.")],
    output: Output = None,
) -> None:
    """Write a policy as another product's configuration; what it can't say is named on standard error."""
    exported, warnings = EXPORTS[product](_read(source))
    for warning in warnings:
        typer.echo(f"baton: warning: {warning}", err=True)
    _write(json.dumps(exported, ensure_ascii=False, indent=2) + "\n", output)


@policy_app.command()
def presets() -> None:
    """List the policies that ship with Baton; `baton policy` takes their names where it asks for a file."""
    for name in preset_names():
        found = preset(name)
        typer.echo(f"{name:10} {len(found.rules):3} rules  {found.note}".rstrip())


def _read(source: str) -> Policy:
    """Return the policy of a file, of standard input, or a preset; a file goes before a preset of its name."""
    if source == STDIN:
        return parse_policy(_text(source), "standard input")
    if Path(source).is_file():
        return load_policy(Path(source))
    if source in preset_names():
        return preset(source)
    names = ", ".join(preset_names())
    raise PolicyError(f"no file {source!r}; expected a YAML or JSON file, - for standard input, or a preset ({names})")


def _text(file: str) -> str:
    try:
        return (sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()).decode("utf-8")
    except OSError as error:
        raise PolicyError(
            f"{file}: {error.strerror}; expected a file that can be read, or - for standard input"
        ) from error
    except UnicodeDecodeError as error:
        name = "standard input" if file == STDIN else file
        raise PolicyError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{output}: {error.strerror}; name a file in a folder that exists") from error


def _write_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


def _document(policy: Policy) -> dict[str, Any]:
    document: dict[str, Any] = policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return document


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "rule_id": finding.rule_id,
        "message": finding.message,
    }


def _show_findings(policy: Policy, facts: Facts | None, found: tuple[Finding, ...]) -> None:
    console = Console()
    for finding in found:
        colour = COLOURS[finding.severity]
        where = f"{finding.rule_id}: " if finding.rule_id else ""
        said = escape(f"{where}{finding.message} [{finding.code}]")
        console.print(f"[{colour}]{finding.severity:8}[/{colour}] {said}", highlight=False, soft_wrap=True)
    errors, warnings, advice = (sum(one.severity == name for one in found) for name in SEVERITIES)
    counted = f"errors {errors}, warnings {warnings}, advice {advice}"
    console.print(
        f"{policy.label} for {facts.name if facts else 'no bundle'}: {counted}", highlight=False, soft_wrap=True
    )


def _settings(policy: Policy) -> str:
    switched = "" if policy.enabled else "  [red]switched off[/red]"
    return f"locale {policy.locale}, {policy.evaluation} evaluation, on error {policy.on_error.value}{switched}"


def _row(rule: Rule, policy: Policy) -> tuple[str, ...]:
    action = rule.action or policy.action
    named = action.type if rule.action is not None else f"{action.type} (policy's)"
    timing = "" if rule.timing.mode == "immediate" else f"\n{rule.timing.mode.replace('_', ' ')}"
    then = f"[{COLOURS[rule.then]}]{rule.then}[/{COLOURS[rule.then]}]{timing}"
    name = rule.id if rule.enabled else f"{rule.id} (off)"
    return str(rule.priority), escape(name), then, escape(outline(rule.when)), escape(named)
