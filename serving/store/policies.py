"""The statements of policies: documents by fingerprint and version, and which of them is active or shadow for whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, insert, or_, select, update

from serving.store.engine import Tx
from serving.store.tables import ASSIGNMENTS, POLICIES

AssignmentRole = Literal["active", "shadow"]
EVERY_BOT: Final = ""
"""The ``bot_id`` of what holds for every bot without an assignment of its own."""


# every turn reads this, so it is built once
_CURRENT: Final = select(ASSIGNMENTS.c.bot_id, ASSIGNMENTS.c.role, ASSIGNMENTS.c.fingerprint).where(
    or_(ASSIGNMENTS.c.bot_id == bindparam("bot"), ASSIGNMENTS.c.bot_id == EVERY_BOT), ASSIGNMENTS.c.until.is_(None)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPolicy:
    """A policy document as it is stored: ``document`` is JSON, ``source`` the text as it was sent."""

    fingerprint: str
    name: str
    version: int
    note: str
    document: str
    source: str
    source_type: str
    created_at: datetime

    @property
    def label(self) -> str:
        """Name and the first eight digits of the fingerprint, as decisions record it."""
        return label(self.name, self.fingerprint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A period in which a policy was active, or shadow, for a bot (or ``EVERY_BOT``); ``until`` is ``None`` while it lasts."""

    bot_id: str
    role: AssignmentRole
    fingerprint: str
    name: str
    version: int
    since: datetime
    until: datetime | None

    @property
    def label(self) -> str:
        """The policy's label."""
        return label(self.name, self.fingerprint)


def label(name: str, fingerprint: str) -> str:
    """Return how a policy is called: its name and the first eight digits of its fingerprint."""
    return f"{name}@{fingerprint[:8]}"


def put(
    tx: Tx, *, fingerprint: str, name: str, note: str, document: str, source: str, source_type: str, now: datetime
) -> tuple[StoredPolicy, bool]:
    """Store a document under its fingerprint as the next version of its name, unless it is there; say whether it is new."""
    stored = get(tx, fingerprint)
    if stored is not None:
        return stored, False
    newest = tx.execute(select(func.max(POLICIES.c.version)).where(POLICIES.c.name == name)).scalar_one()
    stored = StoredPolicy(
        fingerprint=fingerprint,
        name=name,
        version=(newest or 0) + 1,
        note=note,
        document=document,
        source=source,
        source_type=source_type,
        created_at=now,
    )
    tx.execute(insert(POLICIES), asdict(stored))
    return stored, True


def get(tx: Tx, fingerprint: str) -> StoredPolicy | None:
    """Return the document of a fingerprint."""
    row = tx.execute(select(POLICIES).where(POLICIES.c.fingerprint == fingerprint)).one_or_none()
    return None if row is None else _stored(row)


def find(tx: Tx, name: str, *, version: int | None = None, digits: str | None = None) -> tuple[StoredPolicy, ...]:
    """Return the documents of a name: of one version, or whose fingerprint begins with ``digits``, else the newest one."""
    found = select(POLICIES).where(POLICIES.c.name == name).order_by(POLICIES.c.version.desc())
    if version is not None:
        found = found.where(POLICIES.c.version == version)
    elif digits is not None:
        found = found.where(POLICIES.c.fingerprint.startswith(digits, autoescape=True))
    else:
        found = found.limit(1)
    return tuple(_stored(row) for row in tx.execute(found))


def page(tx: Tx, *, name: str | None, after: StoredPolicy | None, limit: int) -> tuple[StoredPolicy, ...]:
    """Return documents by name, newest version first, those that come after one of them."""
    found = select(POLICIES).order_by(POLICIES.c.name, POLICIES.c.version.desc()).limit(limit)
    if name is not None:
        found = found.where(POLICIES.c.name == name)
    if after is not None:
        older = and_(POLICIES.c.name == after.name, POLICIES.c.version < after.version)
        found = found.where(or_(POLICIES.c.name > after.name, older))
    return tuple(_stored(row) for row in tx.execute(found))


def current(tx: Tx, bot_id: str) -> dict[tuple[str, str], str]:
    """Return the fingerprints by bot and role that hold now: the bot's own, and those of every bot without its own."""
    rows = tx.execute(_CURRENT, {"bot": bot_id})
    return {(row.bot_id, row.role): row.fingerprint for row in rows}


def in_use(tx: Tx, *, limit: int) -> tuple[str, ...]:
    """Return the fingerprints of documents that are active or shadow for anybody now."""
    return tuple(tx.execute(select(ASSIGNMENTS.c.fingerprint).where(_lasting()).distinct().limit(limit)).scalars())


def assigned(tx: Tx, fingerprints: Iterable[str]) -> tuple[Assignment, ...]:
    """Return where each of these documents is active or shadow now, by bot."""
    these = ASSIGNMENTS.c.fingerprint.in_(tuple(fingerprints))
    return _assignments(tx, these, _lasting(), order=(ASSIGNMENTS.c.bot_id, ASSIGNMENTS.c.role))


def history(tx: Tx, bot_id: str, *, limit: int) -> tuple[Assignment, ...]:
    """Return the latest periods of a bot and of every bot without its own, newest first."""
    mine = ASSIGNMENTS.c.bot_id.in_((bot_id, EVERY_BOT))
    return _assignments(tx, mine, order=(ASSIGNMENTS.c.key.desc(),), limit=limit)


def lasting(tx: Tx, bot_id: str) -> dict[tuple[str, str], Assignment]:
    """Return what ``current`` returns, with names and instants."""
    mine = ASSIGNMENTS.c.bot_id.in_((bot_id, EVERY_BOT))
    return {(found.bot_id, found.role): found for found in _assignments(tx, mine, _lasting())}


def assign(tx: Tx, bot_id: str, role: AssignmentRole, fingerprint: str, now: datetime) -> bool:
    """Make a document active, or shadow, for a bot from now on; return whether that changed anything."""
    before = tx.execute(select(ASSIGNMENTS.c.fingerprint).where(_place(bot_id, role))).scalar_one_or_none()
    if before == fingerprint:
        return False
    end(tx, bot_id, role, now)
    new = {"bot_id": bot_id, "role": role, "fingerprint": fingerprint, "since": now, "until": None}
    tx.execute(insert(ASSIGNMENTS), new)
    return True


def end(tx: Tx, bot_id: str, role: AssignmentRole, now: datetime) -> bool:
    """End what is active, or shadow, for a bot; return whether there was anything."""
    return tx.execute(update(ASSIGNMENTS).where(_place(bot_id, role)).values(until=now)).rowcount > 0


def _place(bot_id: str, role: str) -> ColumnElement[bool]:
    return and_(ASSIGNMENTS.c.bot_id == bot_id, ASSIGNMENTS.c.role == role, _lasting())


def _lasting() -> ColumnElement[bool]:
    return ASSIGNMENTS.c.until.is_(None)


def _assignments(
    tx: Tx, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[object]] = (), limit: int | None = None
) -> tuple[Assignment, ...]:
    rows = tx.execute(
        select(
            ASSIGNMENTS.c.bot_id,
            ASSIGNMENTS.c.role,
            ASSIGNMENTS.c.fingerprint,
            POLICIES.c.name,
            POLICIES.c.version,
            ASSIGNMENTS.c.since,
            ASSIGNMENTS.c.until,
        )
        .join_from(ASSIGNMENTS, POLICIES)
        .where(*conditions)
        .order_by(*order)
        .limit(limit)
    )
    return tuple(Assignment(**row._asdict()) for row in rows)


def _stored(row: Row[object]) -> StoredPolicy:
    return StoredPolicy(**row._asdict())
