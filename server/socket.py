"""The candidate's socket: judged before the upgrade, joined to its session, then left alone."""

import asyncio
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.handlers import WebsocketRouteHandler

from protocol import limits, messages
from protocol.faults import KINDS, Fault
from runtime import metrics
from runtime.logs import Log, bind
from server.connection import EXTENSION, Upgrade
from server.instance import Instance
from server.peer import Gone, Peer
from server.sessions import Sessions
from server.waiting import InLine

log = Log("server.socket")
PATH: Final = "/ws"
LiveSocket: TypeAlias = "WebSocket[Any, Any, State]"


class Claims(msgspec.Struct, frozen=True):
    """Whose socket this is, as its token says."""

    tenant_id: UUID
    session_id: UUID
    waits: InLine | None = None  # every place is taken, and it waits for one


def route(instance: Instance, sessions: Sessions) -> WebsocketRouteHandler:
    """Return the handler of the live wire."""
    door = Door(instance, sessions)

    @websocket(PATH, opt={"exclude_from_auth": True}, name="live")
    async def live(socket: WebSocket[Any, Any, State]) -> None:
        await door.serve(socket)

    return live


class Door:
    """Lets sockets in, or refuses them with an HTTP status before the upgrade."""

    def __init__(self, instance: Instance, sessions: Sessions) -> None:
        """Judge by the instance's tickets and gate."""
        self._instance = instance
        self._sessions = sessions

    async def serve(self, socket: LiveSocket) -> None:
        """Judge, upgrade and join; from then on the session hears the connection by itself."""
        await socket.receive()  # websocket.connect
        try:
            upgrade = _upgrade_of(socket)
            claims = await self._judge(socket)
        except Fault as fault:
            await self._refuse(socket, fault)
            return
        peer, waits = Peer(claims.session_id), claims.waits
        try:
            connection = await upgrade(peer, self._sessions.connections)
            del socket.receive, socket.send  # they and the socket hold each other, until some gc
            if connection is not None:
                metrics.sockets.inc()
                peer.connect(connection)
                await self._join(peer, claims)
        finally:
            if waits is not None:
                self._sessions.room.let_go(waits)
            if waits is None or waits.entered:
                self._instance.gate.arrived(claims.session_id)

    # Before the upgrade ---------------------------------------------------------------------

    async def _judge(self, socket: LiveSocket) -> Claims:
        offered = list(socket.scope.get("subprotocols") or ())
        if messages.SUBPROTOCOL not in offered:
            raise Fault("version_unknown")
        ticket = _offered(offered, messages.TICKET_PREFIX)
        resume = _offered(offered, messages.RESUME_PREFIX)
        self._check_origin(socket)
        if ticket:
            return await self._by_ticket(ticket)
        if resume:
            return await self._by_resume(resume)
        raise Fault("unauthorized")

    def _check_origin(self, socket: LiveSocket) -> None:
        """A page of another site is refused; a program (without Origin) needs its ticket only."""
        origin = socket.headers.get("origin")
        if origin is None or origin in self._instance.origins:
            return
        raise Fault("origin_refused")

    async def _by_ticket(self, token: str) -> Claims:
        instance = self._instance
        ticket = instance.tickets.read_ticket(token)
        # Validated first; only then is the ticket used up and a place claimed.
        elsewhere = ticket.instance_id not in ("", instance.id) and not ticket.since_ms
        full: Fault | None = None
        try:
            await instance.gate.enter(ticket.session_id, returning=ticket.returning or elsewhere)
        except Fault as fault:
            if fault.code != "at_capacity":
                raise
            full = fault
        try:
            if not await instance.live.use_once(ticket.nonce):
                raise Fault("ticket_used")
        except BaseException:
            if full is None:
                instance.gate.arrived(ticket.session_id)
            raise
        waits = self._sessions.room.hold(ticket) if full else None
        return Claims(ticket.tenant_id, ticket.session_id, waits)

    async def _by_resume(self, token: str) -> Claims:
        resume = self._instance.tickets.read_resume(token)
        await self._sessions.check_resume(resume.tenant_id, resume.session_id, resume.join)
        try:
            await self._instance.gate.enter(resume.session_id, returning=True)
        except Fault as fault:
            if fault.code != "unavailable" or self._sessions.here(resume.session_id) is None:
                raise
            # Redis is away, but the session is in this memory: its place is here already.
        return Claims(resume.tenant_id, resume.session_id)

    async def _refuse(self, socket: LiveSocket, fault: Fault) -> None:
        kind = fault.kind
        metrics.faults.labels(kind.code).inc()
        log.info("socket_refused", code=kind.code, status=kind.status)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"cache-control", b"no-store"),
        ]
        if fault.retry_after is not None or kind.status == 503:  # noqa: PLR2004 - HTTP
            after = fault.retry_after or limits.REFUSED_RETRY_SECONDS
            headers.append((b"retry-after", str(max(1, round(after))).encode()))
        body = msgspec.json.encode(
            {"type": "about:blank", "title": kind.title, "status": kind.status, "code": kind.code}
        )
        if "websocket.http.response" in (socket.scope.get("extensions") or {}):
            await socket.send(
                {
                    "type": "websocket.http.response.start",
                    "status": kind.status,
                    "headers": headers,
                }
            )
            await socket.send(
                {"type": "websocket.http.response.body", "body": body}  # type: ignore[arg-type]
            )
        else:
            await socket.send({"type": "websocket.close", "code": kind.close or 4500, "reason": ""})

    # After the upgrade ----------------------------------------------------------------------

    async def _join(self, peer: Peer, claims: Claims) -> None:
        bind(session_id=claims.session_id)
        try:
            first = await _first_frame(peer)
            if claims.waits is not None:
                await self._sessions.room.wait(claims.waits, peer)
            conductor = await self._sessions.join(
                peer, claims.tenant_id, claims.session_id, epoch=first.epoch, offset=first.offset
            )
        except Gone:
            return
        except Fault as fault:
            peer.failed(fault.code)
        except Exception:  # noqa: BLE001 - a bug is logged with its stack, and the peer told
            log.crash("socket_crashed")
            peer.failed("server_error")
        else:
            peer.listen(conductor)


async def _first_frame(peer: Peer) -> messages.SessionJoin:
    try:
        async with asyncio.timeout(limits.JOIN_SECONDS):
            first = await peer.frame()
    except TimeoutError:
        raise Fault("not_joined") from None
    if not isinstance(first, messages.SessionJoin):
        raise Fault("not_joined")
    return first


def _upgrade_of(socket: LiveSocket) -> Upgrade:
    """Return the way to the connection itself, which the server of server/serve.py offers."""
    extensions: Any = socket.scope.get("extensions") or {}
    if EXTENSION not in extensions:
        raise Fault("server_error", "live sessions need the server of `entrevistador serve`")
    upgrade: Upgrade = extensions[EXTENSION]["upgrade"]
    return upgrade


def _offered(offered: list[str], prefix: str) -> str:
    for item in offered:
        if item.startswith(prefix):
            return item.removeprefix(prefix)
    return ""


assert all(kind.close is None or 1000 <= kind.close < 5000 for kind in KINDS.values())  # noqa: PLR2004
