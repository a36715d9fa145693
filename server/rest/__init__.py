"""REST under /api/v1: short handlers, each one transaction, over the house's resources.

`build` makes the HTTP application around which a server process is composed.
"""

from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp, ControllerRouterHandler

from protocol import limits
from server import health, pages, problems
from server.house import STATE_KEY, House
from server.rest import (
    budget,
    candidate,
    candidates,
    cvs,
    evaluations,
    events,
    fleet,
    guards,
    interviews,
    openings,
    public,
    reports,
)
from server.rest.events import WATCHERS_KEY, Watchers
from server.rest.front import Front

API: Final = cvs.API
_PERSON: Final = {"person": list[str]()}
_INVITATION: Final = {"invitation": list[str]()}
_ABOUT: Final = (
    "Openings, CVs, interviews and reports of one company, told apart by the token alone. "
    "Failures are problem documents (RFC 9457); lists are read with `after` and `limit`."
)


def _router(
    *handlers: ControllerRouterHandler,
    guard: Any = None,
    security: Sequence[dict[str, list[str]]] = (),
    tag: str,
) -> Router:
    return Router(
        API,
        route_handlers=list(handlers),
        guards=[guard] if guard else None,
        security=list(security) or None,
        before_request=guards.json_only,
        tags=[tag],
    )


def routes(house: House) -> list[ControllerRouterHandler]:
    """Return every route of the API, each behind its guard."""
    del house  # the handlers find it in the application's state
    recruiters = (
        *openings.HANDLERS,
        *cvs.RECRUITER_HANDLERS,
        *candidates.HANDLERS,
        *interviews.HANDLERS,
        *reports.HANDLERS,
        *evaluations.HANDLERS,
    )
    return [
        _router(*public.HANDLERS, tag="public"),
        _router(
            *candidate.GUEST_HANDLERS, guard=guards.guest, security=[_INVITATION], tag="candidate"
        ),
        _router(
            *candidate.WATCHER_HANDLERS,
            guard=guards.guest_or_member,
            security=[_INVITATION, _PERSON],
            tag="candidate",
        ),
        _router(*fleet.MEMBER_HANDLERS, guard=guards.member, security=[_PERSON], tag="people"),
        _router(*events.HANDLERS, guard=guards.member, security=[_PERSON], tag="people"),
        _router(*recruiters, guard=guards.recruiter, security=[_PERSON], tag="recruiter"),
        _router(
            *fleet.OPERATOR_HANDLERS,
            *budget.OPERATOR_HANDLERS,
            guard=guards.operator,
            security=[_PERSON],
            tag="operator",
        ),
        # The token in the path is the permission, and the body is a file.
        Router(API, route_handlers=list(cvs.UPLOAD_HANDLERS), tags=["recruiter"]),
    ]


def app_options(house: House) -> dict[str, Any]:
    """Return what the application around the routes has to be told."""
    return {
        "state": State(
            {
                STATE_KEY: house,
                WATCHERS_KEY: Watchers(limits.WATCHERS_MAX),
                pages.SITE_KEY: pages.read_site(),
            },
            deep_copy=False,
        ),
        "exception_handlers": problems.HANDLERS,
        "request_max_body_size": limits.BODY_BYTES_MAX,
        "openapi_config": OpenAPIConfig(
            title="Entrevistador",
            version=metadata.version("entrevistador"),
            description=_ABOUT,
            path="/schema",
            render_plugins=[JsonRenderPlugin()],
            components=Components(
                security_schemes={
                    "person": SecurityScheme(
                        type="http", scheme="bearer", bearer_format="JWT",
                        description="A JWT with sub, tenant and roles",
                    ),
                    "invitation": SecurityScheme(
                        type="http", scheme="bearer", description="The token of a candidate's link"
                    ),
                }
            ),
        ),
        "logging_config": None,
        "debug": False,
    }  # fmt: skip


def build(
    house: House, *, live: Sequence[ControllerRouterHandler] = (), with_api: bool = True
) -> ASGIApp:
    """Return the HTTP application: health always, the API and the pages where the role has them."""
    handlers: list[ControllerRouterHandler] = [*health.HANDLERS, *live]
    if with_api:
        handlers += [*routes(house), *pages.HANDLERS]
    app = Litestar(handlers, **app_options(house))
    return Front(app, house.settings)
