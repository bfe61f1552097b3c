"""``baton serve``, ``baton explain`` and ``baton db``: the doors of the service."""

from __future__ import annotations

import json
import signal
import socket
import sys
from typing import Annotated, Any

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from rich.console import Console

from serving.app import create_app
from serving.errors import AddressUnavailable
from serving.explain import recall, show
from serving.settings import Settings
from serving.store.engine import Store
from serving.store.migrate import upgrade
from serving.telemetry import start_logging

db = typer.Typer(no_args_is_help=True, help="Look after the database.")


@db.callback()
def _db() -> None:
    """Look after the database."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address of this machine to listen on [BATON_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one [BATON_PORT].")] = None,
) -> None:
    """Answer bots over HTTP. Everything else is set by BATON_* variables; see serving/README.md."""
    settings = _settings(host=host, port=port)
    start_logging(settings.log_level)
    listener = _listen(settings.host, settings.port)
    app = create_app(settings)
    typer.echo(_greeting(app, listener))
    _run(app, listener, settings)


def explain(
    decision_id: Annotated[
        str, typer.Argument(help="`decision_id` of an answer, such as d-01a1f877d600bfeef85aed1ec926.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Say why a recorded decision was taken, and take it again from its record (database: BATON_DATABASE_URL)."""
    told = recall(_settings(), decision_id)
    if as_json:
        typer.echo(json.dumps(to_jsonable_python(told), ensure_ascii=False, indent=1))
        return
    # in a pipe or a file nobody has a width, so lines are as long as a table needs
    show(told, Console() if sys.stdout.isatty() else Console(width=160))


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to this version's schema; `baton serve` does so by itself."""
    settings = _settings()
    store = Store(settings.database_url, timeout_seconds=settings.database_timeout_seconds)
    revision = upgrade(store)
    store.close()
    typer.echo(f"The database is at revision {revision}.")


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for wrong in error.errors():
            name = "_".join(str(part) for part in wrong["loc"])
            typer.echo(f"BATON_{name.upper()}: {wrong['msg'].removeprefix('Value error, ')}", err=True)
        raise typer.Exit(2) from None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"can't listen on {host}:{port}: {reason}; end what listens there, or choose another --port"
        raise AddressUnavailable(message) from error


def _greeting(app: FastAPI, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    versions = app.state.versions
    return (
        f"Baton listens on {address}, open to this machine only (no API keys yet). "
        f"Bundle {versions['bundle']}, policy {versions['policy']}. Docs: {address}/docs"
    )


def _run(app: FastAPI, listener: socket.socket, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was taken."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=max(1, int(settings.stop_seconds)),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)  # uvicorn repeats the signal after a clean stop: that is no failure
    uvicorn.Server(config).run(sockets=[listener])


def _ignore(_number: int, _frame: Any) -> None:
    """Do nothing: the server has its own handler while it runs."""
