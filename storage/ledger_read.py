"""The ledger's lines as they were kept, for whoever compares them with another account."""

from uuid import UUID

import msgspec

from storage.ledger import LedgerEntry
from storage.transaction import Database


async def of_company(db: Database, tenant_id: UUID) -> list[LedgerEntry]:
    """Return every line of a company, oldest first."""
    names = ", ".join(LedgerEntry.__struct_fields__)
    async with db.tenant(tenant_id) as connection:
        rows = await connection.fetch(f"SELECT {names} FROM model_ledger ORDER BY id")
    return [msgspec.convert(dict(row), LedgerEntry) for row in rows]
