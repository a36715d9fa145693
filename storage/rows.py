"""Rows become structs here, in one way: columns and fields have the same names."""

from collections.abc import Iterable
from typing import TypeVar

import asyncpg
import msgspec

S = TypeVar("S")


def one(kind: type[S], row: asyncpg.Record) -> S:
    """Return the struct that the row's columns fill."""
    return msgspec.convert(dict(row), kind)


def maybe(kind: type[S], row: asyncpg.Record | None) -> S | None:
    """Return the struct, or None where there is no row."""
    return None if row is None else one(kind, row)


def many(kind: type[S], rows: Iterable[asyncpg.Record]) -> list[S]:
    """Return the structs of all rows."""
    return [one(kind, row) for row in rows]


def columns(kind: type[msgspec.Struct]) -> str:
    """Return the struct's fields as the column list of a query."""
    return ", ".join(field.name for field in msgspec.structs.fields(kind))
