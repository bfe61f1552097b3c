"""Which policy is active or shadow for whom: each change is one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from models.errors import PolicyError
from serving.documents import Which, again, find, is_another, put
from serving.errors import PolicyMoved, PolicyNotFound
from serving.policies import Policies, in_force, parse
from serving.store import decisions, policies
from serving.store.decisions import Agreement, Difference
from serving.store.engine import Store, Tx
from serving.store.policies import EVERY_BOT, Assignment, AssignmentRole, StoredPolicy
from serving.telemetry import log

Scope = Literal["bot", "every_bot", "start"]
HISTORY: Final = 50  # periods that are listed of a bot's past


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A policy that is active or shadow for a bot, and why: ``scope`` says to whom it is assigned.

    ``start``: nothing was activated, so the policy that the service was started with decides; ``since`` is ``None`` then.
    ``recorded_as`` is the fingerprint that its decisions record: another one than the document's own where ``problem`` says
    that this release reads it otherwise. ``problem`` also says that it can't be read at all.
    """

    stored: StoredPolicy
    scope: Scope
    since: datetime | None
    recorded_as: str
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotPolicy:
    """What decides for a bot (``EVERY_BOT``: for those without their own), and what did, newest first."""

    bot_id: str
    active: InForce
    shadow: InForce | None
    history: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a bot's shadow policy compares with its active one, over all decisions that both of them took."""

    active: InForce
    shadow: InForce | None
    agreements: tuple[Agreement, ...] = ()
    differences: tuple[Difference, ...] = ()


class Assignments:
    """Says who has which policy, and changes it. All methods block; they raise ``StoreUnavailable`` beside what they say.

    Args:
        store: where assignments live.
        ready: what makes documents ready to run; its base decides where nothing was activated.
    """

    def __init__(self, store: Store, ready: Policies) -> None:
        self._store = store
        self._ready = ready

    def activate(self, name: str, which: Which, *, bot_id: str, expected: str | None = None) -> BotPolicy:
        """Let a policy decide for a bot from now on; a shadow that becomes active is no shadow any more.

        Args:
            name: the policy's name.
            which: the version.
            bot_id: the bot, or ``EVERY_BOT``.
            expected: label of what should be active until now; ``None`` doesn't care.

        Raises:
            PolicyNotFound: there is no such document.
            PolicyError: this release can't read it.
            PolicyMoved: something else is active than ``expected``. What is active already may be activated again.
        """
        with self._changing(name, which) as (tx, stored, now):
            before = self._label(tx, bot_id)
            own = policies.lasting(tx, bot_id).get((bot_id, "active"))
            is_active = own is not None and own.fingerprint == stored.fingerprint
            if expected is not None and expected != before and not is_active:
                message = (
                    f"found {before} active; expected {expected[:80]}; look at what is active now and decide again"
                )
                raise PolicyMoved(message)
            changed = policies.assign(tx, bot_id, "active", stored.fingerprint, now)
            shadow = policies.lasting(tx, bot_id).get((bot_id, "shadow"))
            if shadow is not None and shadow.fingerprint == stored.fingerprint:
                policies.end(tx, bot_id, "shadow", now)
        if changed:
            _tell("policy.activated", bot_id, policy=stored.label, version=stored.version, before=before)
        return self.of_bot(bot_id)  # not while writing: what else the bot has may have to be made ready first

    def shadow(self, name: str, which: Which, *, bot_id: str) -> BotPolicy:
        """Let a policy decide beside the active one from now on, for the record only.

        Raises:
            PolicyNotFound: there is no such document.
            PolicyError: this release can't read it.
        """
        with self._changing(name, which) as (tx, stored, now):
            changed = policies.assign(tx, bot_id, "shadow", stored.fingerprint, now)
        if changed:
            _tell("policy.shadowed", bot_id, policy=stored.label, version=stored.version)
        return self.of_bot(bot_id)

    def end(self, role: AssignmentRole, *, bot_id: str) -> BotPolicy:
        """End what is active, or shadow, for a bot; nothing happens where there is none of its own."""
        with self._store.writing() as tx:
            ended = policies.end(tx, bot_id, role, datetime.now(UTC))
        after = self.of_bot(bot_id)
        if ended:
            _tell("policy.ended", bot_id, role=role, policy=after.active.stored.label)
        return after

    def of_bot(self, bot_id: str) -> BotPolicy:
        """Return what decides for a bot, what is compared with it, and what did so before."""
        with self._store.reading() as tx:
            return self._of_bot(tx, bot_id)

    def compare(self, bot_id: str, *, limit: int) -> Comparison:
        """Return how a bot's shadow compares with its active policy, with the latest differing decisions.

        For ``EVERY_BOT`` the decisions of all bots count.
        """
        with self._store.reading() as tx:
            now = self._of_bot(tx, bot_id)
            if now.shadow is None:
                return Comparison(active=now.active, shadow=None)
            pair = {"active": now.active.recorded_as, "shadow": now.shadow.recorded_as}
            only = None if bot_id == EVERY_BOT else bot_id
            return Comparison(
                active=now.active,
                shadow=now.shadow,
                agreements=decisions.agreements(tx, bot_id=only, **pair),
                differences=decisions.differences(tx, bot_id=only, **pair, limit=limit),
            )

    @contextmanager
    def _changing(self, name: str, which: Which) -> Iterator[tuple[Tx, StoredPolicy, datetime]]:
        """Open the transaction that assigns a document, which is read, and made ready, before."""
        with self._store.reading() as tx:
            stored = find(tx, name, which)
        policy = parse(stored)
        if is_another(policy, stored):
            with self._store.writing() as tx:
                stored, _ = put(tx, again(stored, policy))
        if self._ready.make(stored) is None:
            raise PolicyError(f"{stored.label} can't be made ready: a model failed on its labels; try again")
        with self._store.writing() as tx:
            yield tx, stored, datetime.now(UTC)

    def _label(self, tx: Tx, bot_id: str) -> str:
        active, _ = in_force(policies.lasting(tx, bot_id), bot_id)
        return self._ready.base.policy.label if active is None else active.label

    def _of_bot(self, tx: Tx, bot_id: str) -> BotPolicy:
        active, shadow = in_force(policies.lasting(tx, bot_id), bot_id)
        return BotPolicy(
            bot_id=bot_id,
            active=self._in_force(tx, active) if active else self._started_with(tx),
            shadow=self._in_force(tx, shadow) if shadow else None,
            history=policies.history(tx, bot_id, limit=HISTORY),
        )

    def _in_force(self, tx: Tx, assigned: Assignment) -> InForce:
        stored = policies.get(tx, assigned.fingerprint)
        if stored is None:  # the database refuses to assign what isn't there
            raise PolicyNotFound(f"the document of {assigned.label} is gone; restore the database from a backup")
        ready = self._ready.get(tx, stored.fingerprint)
        problem = None
        if ready is None:
            problem = (
                "this release can't read the document; activate another one, or store it anew in this release's terms"
            )
        elif is_another(ready.policy, stored):
            problem = f"in this release the document means something else; decisions record it as {ready.policy.label}"
        return InForce(
            stored=stored,
            scope="every_bot" if assigned.bot_id == EVERY_BOT else "bot",
            since=assigned.since,
            recorded_as=(ready or self._ready.shipped).policy.fingerprint(),
            problem=problem,
        )

    def _started_with(self, tx: Tx) -> InForce:
        stored = policies.get(tx, self._ready.base.policy.fingerprint())
        if stored is None:
            raise PolicyNotFound(
                f"the document of {self._ready.base.policy.label} is gone; restart the service, which stores it"
            )
        return InForce(stored=stored, scope="start", since=None, recorded_as=stored.fingerprint, problem=None)


def _tell(event: str, bot_id: str, **fields: Any) -> None:
    log(event, bot_id=None if bot_id == EVERY_BOT else bot_id, **fields)
