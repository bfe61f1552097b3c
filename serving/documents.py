"""Which policies there are: documents by name and version, which are never changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from models.policy.schema import Policy
from serving.errors import PolicyNotFound
from serving.policies import KEPT, Document, Policies
from serving.store import policies
from serving.store.engine import Store, Tx
from serving.store.policies import EVERY_BOT, StoredPolicy
from serving.telemetry import log

_REFERENCE: Final = re.compile(r"(?P<name>[^@]+)(?:@(?:(?P<version>[1-9][0-9]{0,6})|(?P<digits>[0-9a-f]{8,64})))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which version of a policy is meant: a number, the fingerprint's first digits (8 or more), or neither: the newest."""

    version: int | None = None
    digits: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a policy is active or shadow now: for a bot (``EVERY_BOT``: those without their own), since when.

    ``since`` is ``None`` for the policy that the service was started with, which decides because nothing was activated.
    """

    bot_id: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A stored document, and where it is active and shadow now."""

    stored: StoredPolicy
    active: tuple[Place, ...]
    shadow: tuple[Place, ...]


class Documents:
    """Stores documents and finds them. All methods block; they raise ``StoreUnavailable`` beside what they say.

    Args:
        store: where documents live.
        ready: what makes documents ready to run; its base decides where nothing was activated.
        own: the documents that the service has without being sent them: what it was started with, and what it ships with.
    """

    def __init__(self, store: Store, ready: Policies, *, own: Sequence[Document]) -> None:
        self._store = store
        self._ready = ready
        self._store_own(own)

    def create(self, document: Document) -> tuple[Listed, bool]:
        """Store a document as the next version of its name; one that is there stays as it is. Say whether it is new."""
        with self._store.writing() as tx:
            stored, new = put(tx, document)
            (listed,) = self._listed(tx, [stored])
        if new:
            log("policy.created", policy=stored.label, version=stored.version)
        return listed, new

    def known(self, fingerprint: str) -> StoredPolicy | None:
        """Return the document of a fingerprint, if it is stored."""
        with self._store.reading() as tx:
            return policies.get(tx, fingerprint)

    def page(self, *, name: str | None, after: str | None, limit: int) -> tuple[tuple[Listed, ...], str | None]:
        """Return documents by name, newest version first, and the fingerprint after which the next page begins.

        Raises:
            PolicyNotFound: there is no document of the fingerprint ``after``.
        """
        with self._store.reading() as tx:
            start = None if after is None else policies.get(tx, after)
            if after is not None and start is None:
                raise PolicyNotFound(
                    f"no policy has the fingerprint {after[:64]!r}; expected `next` of the page before"
                )
            found = policies.page(tx, name=name, after=start, limit=limit + 1)
            listed = self._listed(tx, found[:limit])
        return listed, found[limit - 1].fingerprint if len(found) > limit else None

    def find(self, name: str, which: Which) -> Listed:
        """Return a document.

        Raises:
            PolicyNotFound: there is none, or the digits fit several.
        """
        with self._store.reading() as tx:
            (listed,) = self._listed(tx, [find(tx, name, which)])
            return listed

    def refer(self, reference: str) -> StoredPolicy:
        """Return the document of a reference: ``shop@3`` (a version), ``shop@3f2a9c1e`` (a fingerprint), ``shop``.

        Raises:
            PolicyNotFound: there is none, or the reference isn't one.
        """
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            message = f"{reference[:80]!r} names no policy; expected one such as shop@3 or shop@3f2a9c1e"
            raise PolicyNotFound(message)
        version = int(match["version"]) if match["version"] else None
        with self._store.reading() as tx:
            return find(tx, match["name"], Which(version=version, digits=match["digits"]))

    def _store_own(self, own: Sequence[Document]) -> None:
        """Store what decides without being sent, and make ready what is assigned, so that no turn waits for that.

        A document that this release takes for another one (the same words mean something else now) is stored as that one too:
        every fingerprint that decides can be found.
        """
        with self._store.reading() as tx:
            missing = [document for document in own if policies.get(tx, document.policy.fingerprint()) is None]
            assigned = [policies.get(tx, fingerprint) for fingerprint in policies.in_use(tx, limit=KEPT)]
            for stored in assigned:
                ready = None if stored is None else self._ready.make(stored)
                if stored is not None and ready is not None and is_another(ready.policy, stored):
                    missing.append(again(stored, ready.policy))
        if missing:
            with self._store.writing() as tx:
                for document in missing:
                    put(tx, document)

    def _listed(self, tx: Tx, found: Sequence[StoredPolicy]) -> tuple[Listed, ...]:
        assigned = policies.assigned(tx, [stored.fingerprint for stored in found])
        places: dict[tuple[str, str], list[Place]] = {}
        for one in assigned:
            places.setdefault((one.fingerprint, one.role), []).append(Place(one.bot_id, one.since))
        if (EVERY_BOT, "active") not in policies.current(tx, EVERY_BOT):
            places.setdefault((self._ready.base.policy.fingerprint(), "active"), []).insert(0, Place(EVERY_BOT, None))
        return tuple(
            Listed(
                stored=stored,
                active=tuple(places.get((stored.fingerprint, "active"), ())),
                shadow=tuple(places.get((stored.fingerprint, "shadow"), ())),
            )
            for stored in found
        )


def find(tx: Tx, name: str, which: Which) -> StoredPolicy:
    """Return a stored document.

    Raises:
        PolicyNotFound: there is none, or the digits fit several.
    """
    found = policies.find(tx, name, version=which.version, digits=which.digits)
    if len(found) == 1:
        return found[0]
    meant = (
        f"version {which.version}" if which.version else f"fingerprint {which.digits}" if which.digits else "version"
    )
    if found:
        message = (
            f"{len(found)} versions of {name!r} have a fingerprint that begins with {which.digits}; give more digits"
        )
        raise PolicyNotFound(message)
    raise PolicyNotFound(f"there is no {meant} of a policy {name[:64]!r}; GET /v1/policies lists what there is")


def put(tx: Tx, document: Document) -> tuple[StoredPolicy, bool]:
    """Store a document as the next version of its name, unless it is there; say whether it is new."""
    return policies.put(
        tx,
        fingerprint=document.policy.fingerprint(),
        name=document.policy.name,
        note=document.policy.note,
        document=document.json,
        source=document.source,
        source_type=document.source_type,
        now=datetime.now(UTC),
    )


def again(stored: StoredPolicy, policy: Policy) -> Document:
    """Return a stored document as the policy that this release takes it for."""
    return Document(policy, stored.document, stored.source, stored.source_type)


def is_another(policy: Policy, stored: StoredPolicy) -> bool:
    """Return whether this release takes a document for another one than the release that stored it."""
    return policy.fingerprint() != stored.fingerprint
