"""The append-only audit log: who did what to which thing, and when."""

from typing import Any
from uuid import UUID

from runtime import clock
from storage.transaction import Connection


async def note(
    connection: Connection,
    tenant_id: UUID,
    actor: str,
    action: str,
    subject_kind: str,
    subject_id: UUID | str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one line in the caller's transaction; `detail` holds ids and codes, nobody's words."""
    await connection.execute(
        "INSERT INTO audit_log (id, tenant_id, actor, action, subject_kind, subject_id, detail) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        clock.new_id(),
        tenant_id,
        actor,
        action,
        subject_kind,
        str(subject_id),
        detail or {},
    )
