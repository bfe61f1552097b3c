"""Policy documents, which of them is active or shadow for which bot, and what a shadow would have decided."""

import sqlalchemy as sa
from alembic import op

from serving.store.engine import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_type", sa.String(64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_policies"),
        sa.UniqueConstraint("name", "version", name="uq_policies_name_version"),
    )
    op.create_table(
        "policy_assignments",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("bot_id", sa.String(256), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_policy_assignments"),
        sa.ForeignKeyConstraint(["fingerprint"], ["policies.fingerprint"], name="fk_policy_assignments_fingerprint"),
    )
    op.create_index("ix_policy_assignments_bot_id_key", "policy_assignments", ["bot_id", "key"])
    op.create_index(
        "uq_policy_assignments_now",
        "policy_assignments",
        ["bot_id", "role"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.add_column("decisions", sa.Column("shadow_policy_fingerprint", sa.String(64), nullable=True))
    op.add_column("decisions", sa.Column("shadow_action", sa.String(16), nullable=True))
    op.add_column("decisions", sa.Column("shadow_reason", sa.String(32), nullable=True))
    op.add_column("decisions", sa.Column("shadow_rule_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_decisions_shadow",
        "decisions",
        ["shadow_policy_fingerprint", "policy_fingerprint"],
        sqlite_where=sa.text("shadow_policy_fingerprint IS NOT NULL"),
        postgresql_where=sa.text("shadow_policy_fingerprint IS NOT NULL"),
    )
