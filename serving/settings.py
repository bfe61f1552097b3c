"""Settings of the service: ``BATON_*`` environment variables, read once in a door and handed down."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """Everything that may differ between two installations; each with its unit and its reason."""

    model_config = SettingsConfigDict(env_prefix="BATON_", frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Only this machine's own are allowed: the service has no API keys yet.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one.")
    database_url: str = Field(
        default="sqlite:///baton.db",
        description="Where conversations and decisions live, as a SQLAlchemy URL. A SQLite path is relative to the "
        "working folder.",
    )
    database_timeout_seconds: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="How long a statement waits for another writer, in seconds, before the caller gets 503.",
    )
    bundle: Path | None = Field(
        default=None, description="Folder of the model bundle; absent, the released bundle that ships with Baton."
    )
    policy: Path | None = Field(
        default=None, description="Policy document, YAML or JSON; absent, the default policy that ships with Baton."
    )
    threads: int = Field(
        default=1, ge=1, le=64, description="Messages scored side by side; each one keeps one processor core busy."
    )
    batch_tokens: int = Field(
        default=128,
        ge=1,
        le=65536,
        description="Tokens that one hand-over to the scorer may hold. Messages are scored one by one, so a larger "
        "hand-over saves little and makes the first message in it wait for the last.",
    )
    queue_limit: int = Field(
        default=256,
        ge=1,
        le=65536,
        description="Messages that may wait for the scorer; the next one is answered 503 with Retry-After, so that "
        "latency stays bounded.",
    )
    turn_limit: int = Field(
        default=512,
        ge=1,
        le=65536,
        description="Turns that may be under way at once, waiting for the database included; the next one is answered "
        "503 with Retry-After.",
    )
    body_limit_bytes: int = Field(
        default=1024 * 1024,
        ge=1024,
        le=64 * 1024 * 1024,
        description="Largest request body in bytes; reading stops there, so that nobody fills the memory.",
    )
    body_timeout_seconds: float = Field(
        default=10.0, gt=0, le=120, description="How long a request body may take to arrive, in seconds."
    )
    stop_seconds: float = Field(
        default=8.0,
        gt=0,
        le=120,
        description="How long a stopping service finishes what it took, in seconds; under the 10 that process "
        "managers usually grant.",
    )
    log_level: LogLevel = Field(default="info", description="Least important kind of log line that is written.")

    @field_validator("host")
    @classmethod
    def _only_this_machine(cls, host: str) -> str:
        if host == "localhost" or is_loopback(host):
            return host
        message = (
            f"found {host!r}; expected 127.0.0.1, ::1 or localhost. This release has no API keys, so it answers this "
            "machine only; keys come with a later release. Put the bot on the same machine until then"
        )
        raise ValueError(message)


def is_loopback(host: str) -> bool:
    """Return whether a literal address is one of this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
