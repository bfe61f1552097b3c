"""The tables. Columns say what they hold; how they came to be stands in ``migrations/versions``."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from serving.store.engine import Instant

ID = String(256)  # the longest id that the API takes, in characters

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# One row a conversation: what the policy remembers of it. `version` counts its turns and guards against parallel ones.
CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("bot_id", ID, nullable=False),
    Column("id", ID, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("bot_id", "id"),
)

# Everything that was said, in the order in which it was taken (`position`), which need not be the order of the clocks.
MESSAGES = Table(
    "messages",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("conversation", ForeignKey("conversations.key", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("id", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("passages", Text, nullable=False),
    Column("fallback", Boolean, nullable=False),
    Column("confidence", Float),
    Column("scores", Text),
    UniqueConstraint("conversation", "position"),
)

# One row a turn: what was answered, and all that is needed to take the decision again.
DECISIONS = Table(
    "decisions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("conversation", ForeignKey("conversations.key", ondelete="CASCADE"), nullable=False),
    Column("message_id", ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("action", String(16), nullable=False),
    Column("reason", String(32)),
    Column("rule_id", Text),
    Column("request_hash", String(64), nullable=False),
    Column("request", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("state_before", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_fingerprint", String(64), nullable=False),
    Column("shadow_policy_fingerprint", String(64)),  # null: no shadow policy looked at this turn
    Column("shadow_action", String(16)),  # null beside a fingerprint: the shadow failed
    Column("shadow_reason", String(32)),
    Column("shadow_rule_id", Text),
    Column("bundle", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("conversation", "message_id"),
    Index(None, "created_at"),
)
Index(
    "ix_decisions_shadow",
    DECISIONS.c.shadow_policy_fingerprint,
    DECISIONS.c.policy_fingerprint,
    sqlite_where=DECISIONS.c.shadow_policy_fingerprint.is_not(None),
    postgresql_where=DECISIONS.c.shadow_policy_fingerprint.is_not(None),
)

# One row a policy document: never changed, never deleted, since decisions refer to it. `version` counts from 1 in a name;
# `document` is JSON, `source` the text as it was sent.
POLICIES = Table(
    "policies",
    METADATA,
    Column("fingerprint", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_type", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("name", "version"),
)

# One row a period in which a policy was active, or shadow, for a bot; "" is every bot without a row of its own. The
# period that lasts has no `until`.
ASSIGNMENTS = Table(
    "policy_assignments",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("bot_id", ID, nullable=False),
    Column("role", String(16), nullable=False),
    Column("fingerprint", ForeignKey("policies.fingerprint"), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Index(None, "bot_id", "key"),
)
Index(
    "uq_policy_assignments_now",
    ASSIGNMENTS.c.bot_id,
    ASSIGNMENTS.c.role,
    unique=True,
    sqlite_where=ASSIGNMENTS.c.until.is_(None),
    postgresql_where=ASSIGNMENTS.c.until.is_(None),
)
