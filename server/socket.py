"""The candidate's socket: judged before the upgrade, then one reader and one writer."""

import asyncio
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler

from protocol import limits, messages
from protocol.faults import KINDS, Fault
from runtime import metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log, bind
from server.conductor import Conductor
from server.inbox import Detach, Received
from server.instance import Instance
from server.peer import Peer
from server.sessions import Sessions

log = Log("server.socket")
PATH: Final = "/ws"
LiveSocket: TypeAlias = "WebSocket[Any, Any, State]"
DISCONNECT: Final = "websocket.disconnect"


class Claims(msgspec.Struct, frozen=True):
    """Whose socket this is, as its token says."""

    tenant_id: UUID
    session_id: UUID


class Gone(Exception):  # noqa: N818 - not an error: the peer went
    """The peer has closed or lost the connection."""


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
        """Live through one connection from the upgrade to its close."""
        await socket.receive()  # websocket.connect
        try:
            claims = await self._judge(socket)
        except Fault as fault:
            await self._refuse(socket, fault)
            return
        metrics.sockets.inc()
        try:
            await socket.send(
                {
                    "type": "websocket.accept",
                    "subprotocol": messages.SUBPROTOCOL,
                    "headers": [],
                }
            )
            await self._live(socket, claims)
        finally:
            metrics.sockets.dec()

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
        elsewhere = ticket.instance_id not in ("", instance.id)
        await instance.gate.enter(ticket.session_id, returning=elsewhere)
        if not await instance.live.use_once(ticket.nonce):
            raise Fault("ticket_used")
        return Claims(ticket.tenant_id, ticket.session_id)

    async def _by_resume(self, token: str) -> Claims:
        resume = self._instance.tickets.read_resume(token)
        await self._sessions.check_resume(resume.tenant_id, resume.session_id, resume.join)
        await self._instance.gate.enter(resume.session_id, returning=True)
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

    async def _live(self, socket: LiveSocket, claims: Claims) -> None:
        bind(session_id=claims.session_id)
        send = socket.send

        async def send_text(text: str) -> None:
            try:
                await send({"type": "websocket.send", "bytes": None, "text": text})
            except (OSError, WebSocketDisconnect):
                raise Gone from None  # between two frames: what every cut phone looks like

        peer = Peer(send_text)
        async with Tasks("socket") as tasks:
            writer = tasks.start(_guard(peer.outbox.write(), peer), name="writer")
            reader = tasks.start(_guard(self._read(socket, peer, claims), peer), name="reader")
            closing = peer.closing
            await asyncio.wait({reader, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not closing.done():
                return  # the peer went by itself
            code, reason = closing.result()
            metrics.closes.labels(str(code)).inc()
            await asyncio.wait({writer}, timeout=1.0)  # what was queued leaves first
            await _close(socket, code, reason)

    async def _read(self, socket: LiveSocket, peer: Peer, claims: Claims) -> None:
        conductor: Conductor | None = None
        try:
            try:
                async with asyncio.timeout(limits.JOIN_SECONDS):
                    first = await _frame(socket, peer)
            except TimeoutError:
                raise Fault("not_joined") from None
            if not isinstance(first, messages.SessionJoin):
                raise Fault("not_joined")
            conductor = await self._sessions.join(
                peer, claims.tenant_id, claims.session_id, epoch=first.epoch, offset=first.offset
            )
            while True:
                frame = await _frame(socket, peer)
                await conductor.post(Received(peer, frame))
        finally:
            if conductor is not None:
                await conductor.post(Detach(peer))


async def _frame(socket: LiveSocket, peer: Peer) -> messages.ClientFrame:
    event = await socket.receive()
    if event["type"] == DISCONNECT:
        raise Gone
    text = event.get("text")
    peer.heard()
    if text is None:
        raise Fault("bad_frame", "binary frames are not part of this version")
    try:
        return messages.decode_client(text)  # type: ignore[arg-type]
    except (msgspec.DecodeError, UnicodeError):
        raise Fault("bad_frame") from None


async def _guard(work: "asyncio.Future[None] | object", peer: Peer) -> None:
    """Turn what ends a socket's task into the close code for it."""
    try:
        await work  # type: ignore[misc]
    except Gone:
        return
    except Fault as fault:
        metrics.faults.labels(fault.code).inc()
        log.info("socket_closed", code=fault.code)
        peer.close(fault.code)
    except asyncio.CancelledError:
        raise
    except Exception:  # noqa: BLE001 - a bug is logged with its stack, and the peer told
        log.crash("socket_crashed")
        peer.close("server_error")


async def _close(socket: LiveSocket, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(2):
            await socket.send({"type": "websocket.close", "code": code, "reason": reason})
    except (TimeoutError, OSError, RuntimeError):
        pass  # it is gone already


def _offered(offered: list[str], prefix: str) -> str:
    for item in offered:
        if item.startswith(prefix):
            return item.removeprefix(prefix)
    return ""


assert all(kind.close is None or 1000 <= kind.close < 5000 for kind in KINDS.values())  # noqa: PLR2004
