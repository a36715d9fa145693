"""Parts of lists: how many, after which, and what the next one is."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from litestar.params import QueryParameter

from protocol import limits
from server.rest.shapes import Page

T = TypeVar("T")
After = Annotated[
    UUID | None, QueryParameter(description="`next` of the part before", required=False)
]
Limit = Annotated[int, QueryParameter(ge=1, le=limits.PAGE_ROWS_MAX, description="Rows at most")]


def page(items: Sequence[T], limit: int, *, key: str = "id") -> Page[T]:
    """Return the part, with the id of its last row when there may be more after it."""
    last: Any = getattr(items[-1], key) if len(items) >= limit else None
    return Page(list(items), last)
