"""The database's own catalogue as the isolation tests read it, and a row for every table.

Nothing here is a list of tables: what a later migration adds is found and tested with the rest.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from protocol import ids
from runtime import clock

ROLES = (
    "entrevistador_app",
    "entrevistador_relay",
    "entrevistador_sweep",
    "entrevistador_fleet",
    "entrevistador_definer",
    "entrevistador_eraser",
)
TENANTLESS = {"migrations"}  # the one table without a tenant: numbers and names of files
SPECIAL = {"slug": "empresa-{n}", "vector": "[1,2,3,4,5]"}
PLAIN: dict[str, Any] = {
    "text": "una palabra suficiente",
    "int4": 5,
    "int8": 5,
    "float8": 0.5,
    "bool": True,
    "jsonb": "{}",
    "_text": [],
}


class Relation(NamedTuple):
    """A table, partition, view or materialised view of the schema."""

    name: str
    kind: str  # r table, p partitioned table, v view, m materialised view
    partition: bool
    tenant_column: str | None
    secured: bool
    forced: bool

    @property
    def is_table(self) -> bool:
        """Whether rows are kept in it (or in its partitions)."""
        return self.kind in "rp"


class Column(NamedTuple):
    """A column as a row for it is made."""

    name: str
    type: str
    generated: bool
    parent: str | None  # the table that a foreign key points to
    choices: tuple[str, ...]  # of a CHECK (x IN (...))


async def relations(c: asyncpg.Connection) -> list[Relation]:
    """Every relation of the public schema that does not belong to an extension."""
    found = await c.fetch(
        """
        SELECT k.relname, k.relkind::text, k.relispartition, k.relrowsecurity,
               k.relforcerowsecurity,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.oid
                       AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS has_tenant
        FROM pg_class k
        WHERE k.relnamespace = 'public'::regnamespace AND k.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = k.oid AND d.deptype = 'e')
        ORDER BY k.relname
        """
    )
    return [
        Relation(
            row["relname"],
            row["relkind"],
            row["relispartition"],
            "tenant_id" if row["has_tenant"] else "id" if row["relname"] == "tenants" else None,
            row["relrowsecurity"],
            row["relforcerowsecurity"],
        )
        for row in found
    ]


Shape = dict[str, list[Column]]


async def shape(c: asyncpg.Connection) -> Shape:
    """The columns of every table with tenants' rows, parents first; partitions are their parent."""
    found = await c.fetch(
        """
        SELECT k.relname, a.attname, t.typname,
               a.attgenerated <> '' OR a.attidentity <> '' AS generated,
               (SELECT f.confrelid::regclass::text FROM pg_constraint f
                WHERE f.conrelid = k.oid AND f.contype = 'f' AND f.conparentid = 0
                  AND a.attnum = ANY (f.conkey)
                ORDER BY f.confrelid = 'tenants'::regclass LIMIT 1) AS parent,
               (SELECT string_agg(pg_get_constraintdef(d.oid), ' ') FROM pg_constraint d
                WHERE d.conrelid = k.oid AND d.contype = 'c' AND d.conkey = ARRAY[a.attnum])
                   AS checks
        FROM pg_class k JOIN pg_attribute a ON a.attrelid = k.oid
            JOIN pg_type t ON t.oid = a.atttypid
        WHERE k.relnamespace = 'public'::regnamespace AND k.relkind IN ('r', 'p')
          AND NOT k.relispartition AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY k.relname, a.attnum
        """
    )
    columns: Shape = {}
    for row in found:
        checks = row["checks"] or ""
        columns.setdefault(row["relname"], []).append(
            Column(
                row["attname"],
                row["typname"],
                row["generated"],
                "tenants" if row["attname"] == "tenant_id" else row["parent"],
                tuple(re.findall(r"'([^']+)'::text", checks)) if "ANY" in checks else (),
            )
        )
    for name in TENANTLESS:
        columns.pop(name, None)
    return _parents_first(columns)


def _parents_first(columns: Shape) -> Shape:
    ordered: Shape = {}
    while len(ordered) < len(columns):
        ready = [
            name
            for name in columns
            if name not in ordered
            and {c.parent for c in columns[name] if c.parent} - {name} <= set(ordered)
        ]
        assert ready, f"foreign keys go in a circle: {set(columns) - set(ordered)}"
        ordered.update({name: columns[name] for name in ready})
    return ordered


def leaves(columns: Shape) -> list[str]:
    """The tables that no other table points at."""
    parents = {column.parent for table in columns.values() for column in table}
    return [name for name in columns if name not in parents]


class Filled(NamedTuple):
    """A tenant with one row in every table."""

    tenant_id: UUID
    rows: dict[str, dict[str, Any]]


def row_for(
    columns: Shape, table: str, tenant_id: UUID, rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Make values for a new row of `table`, pointing at the rows there are."""
    row: dict[str, Any] = {}
    fresh = clock.new_id()
    for column in columns[table]:
        if column.generated:
            continue
        if column.name == "tenant_id" or (table, column.name) == ("tenants", "id"):
            row[column.name] = tenant_id
        elif column.parent and column.parent in rows:
            row[column.name] = rows[column.parent]["id"]
        elif column.name == "session_id" and "interview_sessions" in rows:
            row[column.name] = rows["interview_sessions"]["id"]
        elif column.choices:
            row[column.name] = column.choices[0] if column.type != "_text" else []
        elif column.name in SPECIAL:
            row[column.name] = SPECIAL[column.name].format(n=fresh.hex)
        elif column.type == "uuid":
            row[column.name] = fresh
        elif column.type == "timestamptz":
            row[column.name] = ids.created_at(fresh)
        else:
            assert column.type in PLAIN, f"teach row_for the type of {table}.{column.name}"
            row[column.name] = PLAIN[column.type]
    return row


async def insert(c: asyncpg.Connection, columns: Shape, table: str, row: Mapping[str, Any]) -> None:
    """Insert a row; jsonb and halfvec travel as text."""
    types = {column.name: column.type for column in columns[table]}
    places = ", ".join(
        f"${n}::text::{types[name]}" if types[name] in ("halfvec", "jsonb") else f"${n}"
        for n, name in enumerate(row, 1)
    )
    names = ", ".join(f'"{name}"' for name in row)
    await c.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', *row.values())


async def fill(owner: asyncpg.Connection, columns: Shape, tenant_id: UUID) -> Filled:
    """Give a tenant one row in every table there is, as the owner."""
    rows: dict[str, dict[str, Any]] = {}
    for table in columns:
        rows[table] = row_for(columns, table, tenant_id, rows)
        await insert(owner, columns, table, rows[table])
    return Filled(tenant_id, rows)


async def granted(c: asyncpg.Connection, role: str, table: str, power: str) -> bool:
    """Whether a role may do `power` with the whole table."""
    return bool(
        await c.fetchval(
            "SELECT has_table_privilege($1, $2::text::regclass, $3)",
            role,
            f'public."{table}"',
            power,
        )
    )


async def readable(c: asyncpg.Connection, role: str, table: str) -> list[str]:
    """The columns of a relation that a role may read."""
    found = await c.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $2::text::regclass AND attnum > 0 "
        "AND NOT attisdropped AND has_column_privilege($1, attrelid, attnum, 'SELECT') "
        "ORDER BY attnum",
        role,
        f'public."{table}"',
    )
    return [row["attname"] for row in found]
