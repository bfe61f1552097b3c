"""The `baton` command: score, chat, bundle, policy; other rooms' commands are found through entry points when asked for."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from rich.console import Console
from rich.markup import escape
from typer.main import get_command

from models.bundle import DEFAULT_PATH, Bundle
from models.contracts import Decision, Message, Role, Scores
from models.conversation import Conversation, Played
from models.errors import BatonError, BundleNotFound, InputError
from models.policy.schema import default_policy, load_policy
from models.policy_cli import policy_app
from models.scorer import Scorer

GROUP = "baton.commands"
BUNDLE_OPTION = typer.Option("--bundle", help="Folder of a bundle; default: the released one.", envvar="BATON_BUNDLE")
POLICY_OPTION = typer.Option("--policy", help="A policy file; default: the shipped policy.", envvar="BATON_POLICY")

LABELS_SHOWN = 4
COLOURS = {"continue": "green", "offer": "yellow", "escalate": "red"}


class Commands(typer.core.TyperGroup):
    """Our own commands and those of the rooms that are installed; a room is imported when its command is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return every command's name."""
        return [*super().list_commands(ctx), *sorted(entry.name for entry in _entries())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; one whose extra isn't installed says so when it is called."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        entry = next((entry for entry in _entries() if entry.name == cmd_name), None)
        return None if entry is None else _load(entry)


def _entries() -> list[importlib.metadata.EntryPoint]:
    return list(importlib.metadata.entry_points(group=GROUP))


def _load(entry: importlib.metadata.EntryPoint) -> Any:
    try:
        loaded = entry.load()
    except ImportError as error:
        extra = {"serving": "serve", "training": "train"}.get(entry.module.split(".")[0], "serve")
        hint = f"`baton {entry.name}` needs more packages ({error.name} is missing): pip install 'baton[{extra}]'"

        def loaded() -> None:
            typer.echo(hint, err=True)
            raise typer.Exit(2)

        loaded.__doc__ = f"Not installed: pip install 'baton[{extra}]'."
    room = loaded
    if not isinstance(loaded, typer.Typer):
        room = typer.Typer(add_completion=False)
        room.command(entry.name)(loaded)
    command = get_command(room)
    command.name = entry.name
    return command


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tells a support bot, message by message, when to pass the conversation to a person.",
)
bundle_app = typer.Typer(no_args_is_help=True, help="Look at a model bundle.")
app.add_typer(bundle_app, name="bundle")
app.add_typer(policy_app, name="policy")


@app.command()
def score(
    text: Annotated[str, typer.Argument(help="What the customer says.")],
    answer: Annotated[str | None, typer.Option(help="The bot's draft answer: scored for confidence too.")] = None,
    passage: Annotated[
        list[str] | None, typer.Option(help="What the answer was drafted from; may be repeated.")
    ] = None,
    bundle: Annotated[Path, BUNDLE_OPTION] = DEFAULT_PATH,
    policy: Annotated[Path | None, POLICY_OPTION] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Score one customer message and say what the policy decides."""
    conversation = _conversation(bundle, policy)
    played = [conversation.take(_message(1, Role.CUSTOMER, text))]
    if answer is not None:
        played.append(conversation.take(_message(2, Role.BOT, answer, passages=tuple(passage or ()))))
    if as_json:
        typer.echo(json.dumps([_plain(entry) for entry in played], ensure_ascii=False, indent=1))
        return
    for entry in played:
        show(entry, Console())


@app.command()
def chat(
    bundle: Annotated[Path, BUNDLE_OPTION] = DEFAULT_PATH,
    policy: Annotated[Path | None, POLICY_OPTION] = None,
) -> None:
    """Type a conversation and watch scores and decision per message.

    A line is the customer's; start it with `bot:` or `agent:` to speak for them, `fallback:` for a bot that didn't
    understand. A message that can't be scored is refused with a line, and the chat goes on. Ends with an empty line or
    Ctrl-D.
    """
    console, conversation = Console(), _conversation(bundle, policy)
    console.print("[dim]customer lines as they are; prefix bot: fallback: agent: for the others; empty line ends[/dim]")
    number = 0
    while True:
        try:
            line = console.input("[bold]> [/bold]").strip()
        except (EOFError, KeyboardInterrupt):
            break
        if not line:
            break
        number += 1
        try:
            played = conversation.take(_spoken(number, line))
        except InputError as error:
            typer.echo(f"baton: {error}", err=True)
            continue
        show(played, console)


@bundle_app.command("show")
def bundle_show(
    path: Annotated[Path, typer.Argument(help="Folder of a bundle.")] = DEFAULT_PATH,
    as_json: Annotated[bool, typer.Option("--json", help="The whole manifest.")] = False,  # noqa: FBT002
) -> None:
    """Say what a bundle holds: version, heads, data, files."""
    manifest = Bundle.load(path).manifest
    if as_json:
        typer.echo(manifest.model_dump_json(indent=1))
        return
    console = Console()
    console.print(
        f"[bold]{manifest.label}[/bold]  released {manifest.created_at:%Y-%m-%d %H:%M} UTC  for {', '.join(manifest.languages)}"
    )
    for name, head in manifest.heads.items():
        shown = ", ".join(head.labels[:6]) + (f" … {len(head.labels)} in all" if len(head.labels) > 6 else "")
        console.print(f"  {name:14} {head.calibration.kind:12} {shown}")
    for name in manifest.files:
        console.print(f"  {name:20} {(path / name).stat().st_size / 1e6:6.1f} MB")
    console.print(f"  data: {sum(sum(entry['rows'].values()) for entry in manifest.data.get('sources', ()))} rows "
                  f"from {len(manifest.data.get('sources', ()))} sources; the card is {path / 'README.md'}")  # fmt: skip


@bundle_app.command("verify")
def bundle_verify(path: Annotated[Path, typer.Argument(help="Folder of a bundle.")] = DEFAULT_PATH) -> None:
    """Check hashes, format, label maps and graph shapes of a bundle."""
    scorer = Scorer(Bundle.load(path))
    scorer.close()
    typer.echo(
        f"{scorer.bundle.label} is whole: {len(scorer.bundle.manifest.files)} files match their hashes, the graphs load"
    )


def _conversation(bundle: Path, policy: Path | None) -> Conversation:
    loaded = Bundle.load(bundle)
    return Conversation(Scorer(loaded), load_policy(policy) if policy else default_policy())


def _message(number: int, role: Role, text: str, **extra: Any) -> Message:
    return Message(id=f"m-{number}", role=role, text=text, at=datetime.now(UTC), **extra)


def _spoken(number: int, line: str) -> Message:
    for prefix, role in (("bot:", Role.BOT), ("fallback:", Role.BOT), ("agent:", Role.AGENT)):
        if line.startswith(prefix):
            return _message(number, role, line.removeprefix(prefix).strip() or "…", fallback=prefix == "fallback:")
    return _message(number, Role.CUSTOMER, line)


def show(played: Played, console: Console) -> None:
    """Print scores and decision of one message for a person; what policies and customers wrote is no markup."""
    decision, scores = played.decision, played.scores
    colour = COLOURS[decision.decision.value]
    reason = f"  {decision.reason.code.value} ({decision.reason.rule_id})" if decision.reason else ""
    held = f"  [dim]held back: {decision.suppressed.value}[/dim]" if decision.suppressed else ""
    console.print(f"[bold {colour}]{decision.decision.value}[/bold {colour}]{reason}{held}")
    if decision.reason:
        console.print(f"  why        {escape(decision.reason.sentence)}", highlight=False, soft_wrap=True)
    if decision.text:
        console.print(f"  says       {escape(decision.text)}", highlight=False, soft_wrap=True)
    if scores is not None:
        for name, value in _score_lines(scores):
            console.print(f"  {name:10} {escape(value)}", highlight=False, soft_wrap=True)
    holding = {reason.rule_id for reason in decision.reasons}
    for report in decision.triggers:
        if report.status.value != "fired" or report.rule_id not in holding:
            continue
        bound = "" if report.threshold is None else f" {report.operator} {report.threshold:g}"
        value = f"{report.value:.2f}" if isinstance(report.value, float) else escape(str(report.value))
        console.print(
            f"  [dim]fired      {report.rule_id}: {report.name} {value}{bound}[/dim]", highlight=False, soft_wrap=True
        )
    if decision.would_flip_if:
        flip = decision.would_flip_if[0]
        console.print(
            f"  [dim]would be {flip.decision.value} if {flip.what} went from {flip.value:.2f} to {flip.to:.2f}[/dim]",
            highlight=False,
            soft_wrap=True,
        )


def _score_lines(scores: Scores) -> list[tuple[str, str]]:
    lines = []
    if scores.intents is not None:
        best = [entry for entry in scores.intents if entry.probability >= 0.05][:LABELS_SHOWN]
        named = "  ".join(f"{entry.label} {entry.probability:.2f}" for entry in best) or "none"
        lines.append(("intents", f"{named}  (out of scope {scores.out_of_scope or 0:.2f})"))
    if scores.explicit is not None:
        phrase = f'  "{scores.request_phrase}"' if scores.request_phrase else ""
        lines.append(("explicit", f"{scores.explicit:.2f}{phrase}"))
    if scores.dialogue is not None:
        lines.append(("dialogue", "  ".join(f"{entry.label} {entry.probability:.2f}" for entry in scores.dialogue)))
    if scores.sentiment is not None:
        lines.append(
            (
                "sentiment",
                f"{scores.sentiment.score:+.2f} {scores.sentiment.label}, frustration {scores.frustration or 0:.2f}",
            )
        )
    if scores.confidence is not None:
        parts = "  ".join(f"{name} {value:.2f}" for name, value in (scores.answer or {}).items())
        lines.append(("confidence", f"{scores.confidence:.2f}" + (f"  ({parts})" if parts else "  (the bot's own)")))
    if scores.language is not None and scores.intents is None:
        lines.append(
            ("language", f"{scores.language.code} ({scores.language.probability:.2f}): not supported by this bundle")
        )
    return lines


def _plain(played: Played) -> dict[str, Any]:
    """Return a turn as JSON values; the embedding is left out, it says nothing to a reader."""
    scores = None if played.scores is None else _values(dataclasses.replace(played.scores, embedding=None))
    return {"role": played.message.role.value, "decision": _values(played.decision), "scores": scores}


def _values(record: Scores | Decision) -> dict[str, Any]:
    found = {name: value for name, value in dataclasses.asdict(record).items() if value is not None}
    if isinstance(record, Decision):
        found["triggers"] = [report._asdict() for report in record.triggers]
    return found


def main() -> None:
    """Run the command; an error that Baton raises on purpose is one line and exit 1, misuse is exit 2."""
    try:
        app()
    except BundleNotFound as error:
        typer.echo(f"baton: {error}; or name one with --bundle", err=True)
        sys.exit(1)
    except BatonError as error:
        typer.echo(f"baton: {error}", err=True)
        sys.exit(1)
