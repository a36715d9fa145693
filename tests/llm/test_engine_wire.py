"""The lean client on a real line: pools, TLS, redirects, servers that hang up."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from llm import engines, tiers
from llm.claude import ClaudeEngine
from llm.reply import ModelFault
from llm.request import QuestionRequest
from llm.tiers import Usage
from llm.wire_http import Wire
from loadtest.model import Standin
from protocol import limits
from runtime.settings import Settings, WrongSetting

Ask = Callable[..., QuestionRequest]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(
        (
            int(line[15:])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    return head + await reader.readexactly(size)


async def parts_of(engine: ClaudeEngine, request: QuestionRequest) -> list[Any]:
    return [part async for part in engine.question(request)]


async def given_back(engine: ClaudeEngine) -> None:
    """Wait until the ends of all replies have come, and with them their connections."""
    async with asyncio.timeout(30):
        while len(engine._wire.endings):
            await asyncio.sleep(0.01)


def engine_at(url: str, **changes: Any) -> ClaudeEngine:
    engine = ClaudeEngine(Wire(key="sk", base_url=url, **changes), tiers.load())
    engine._checked = True  # the list of models is not what is watched here
    return engine


async def test_a_connection_serves_one_question_after_the_other(
    standin: tuple[Standin, str], ask: Ask
) -> None:
    """Ten questions, one connection; twenty at once, twenty, and then no more."""
    engine = engine_at(standin[1])
    ports: set[int] = set()
    real = standin[0].__class__.__call__

    async def watched(app: Standin, scope: Any, receive: Any, send: Any) -> None:
        ports.add(scope["client"][1])
        await real(app, scope, receive, send)

    standin[0].__class__.__call__ = watched  # type: ignore[method-assign]
    try:
        for _ in range(10):
            await parts_of(engine, ask())
            await given_back(engine)
        assert len(ports) == 1
        await asyncio.gather(*(parts_of(engine, ask()) for _ in range(20)))
        at_once = len(ports)
        assert at_once <= 20
        await given_back(engine)
        await asyncio.gather(*(parts_of(engine, ask()) for _ in range(20)))
        assert len(ports) <= 20
    finally:
        standin[0].__class__.__call__ = real  # type: ignore[method-assign]
        await engine.close()


async def test_a_server_that_hangs_up_before_its_reply_is_named(ask: Ask) -> None:
    """It may have begun to work: the call keeps its bound."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.close()

    async with raw_server(hang_up) as port:
        engine = engine_at(f"http://127.0.0.1:{port}")
        stream = engine.question(ask())
        bound: Any = await anext(stream)
        with pytest.raises(ModelFault) as raised:
            await anext(stream)
        await engine.close()
    assert (raised.value.reason, raised.value.code) == ("disconnected", "model_unavailable")
    assert not bound.final


async def test_a_redirect_is_not_followed_with_the_key(ask: Ask) -> None:
    """Wherever it points: the key goes to the address of the settings and to no other."""
    asked: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(b"HTTP/1.1 307 Go\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with raw_server(elsewhere) as port:
        engine = engine_at(f"http://127.0.0.1:{port}")
        with pytest.raises(ModelFault) as raised:
            await parts_of(engine, ask())
        await engine.close()
    assert (raised.value.reason, raised.value.status) == ("rejected", 307)
    assert len(asked) == 1
    assert asked[0].startswith(b"POST /v1/messages ")


async def test_a_page_with_status_200_is_no_stream(standin: tuple[Standin, str], ask: Ask) -> None:
    """As networks with a sign-in page answer."""
    standin[0].fail_next("html")
    engine = engine_at(standin[1])
    with pytest.raises(ModelFault) as raised:
        await parts_of(engine, ask())
    await engine.close()
    assert raised.value.reason == "malformed"


async def test_a_server_that_takes_the_request_and_says_nothing_is_not_waited_for(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a head within the time of the first piece; the line is closed."""
    monkeypatch.setattr(limits, "MODEL_FIRST_PIECE_SECONDS", 0.3)
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()
        gone.set()
        writer.close()

    async with raw_server(silent) as port:
        engine = engine_at(f"http://127.0.0.1:{port}")
        with pytest.raises(ModelFault) as raised:
            await parts_of(engine, ask())
        async with asyncio.timeout(30):
            await gone.wait()
        await engine.close()
    assert raised.value.reason == "late"


async def test_a_reply_whose_end_comes_late_still_gives_its_connection_back(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the body may come in a packet of its own, after message_stop."""
    monkeypatch.setattr(limits, "MODEL_DRAIN_SECONDS", 20.0)
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await read_request(reader)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for data in (
                b'{"type":"message_start","message":{"usage":{"input_tokens":1}}}',
                b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hola."}}',
                b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}',
                b'{"type":"message_stop"}',
            ):
                block = b"data: " + data + b"\n\n"
                writer.write(b"%x\r\n%b\r\n" % (len(block), block))
            await writer.drain()
            await asyncio.sleep(0.2)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        writer.close()

    async with raw_server(serve) as port:
        engine = engine_at(f"http://127.0.0.1:{port}")
        for _ in range(2):
            parts = await parts_of(engine, ask())
            assert [part for part in parts if isinstance(part, str)] == ["Hola."]
            assert isinstance(parts[-1], Usage)
            await given_back(engine)
        await engine.close()
    assert connections == 1


# TLS ----------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for `name` that signs itself; return its file and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    alternative = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


Loop = Callable[[Coroutine[Any, Any, ModelFault]], ModelFault]
loops = pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@loops
@pytest.mark.parametrize(
    ("name", "trusted", "well"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("example.org", True, False)],
)
def test_the_key_goes_to_nobody_who_cannot_show_a_trusted_certificate_of_that_name(
    tmp_path: Path, ask: Ask, name: str, loop: Loop, *, trusted: bool, well: bool
) -> None:
    """An unknown signer or another's name ends it before a byte of the request is sent."""
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append(await read_request(reader))
            writer.write(b"HTTP/1.1 529 Busy\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    public, context = certificate(tmp_path, name)

    async def tried() -> ModelFault:
        async with raw_server(refuse, context) as port:
            engine = engine_at(f"https://127.0.0.1:{port}", roots=str(public) if trusted else "")
            with pytest.raises(ModelFault) as raised:
                await parts_of(engine, ask())
            await engine.close()
        return raised.value

    fault = loop(tried())
    assert fault.reason == ("overloaded" if well else "unreachable")
    assert bool(asked) == well


@loops
@pytest.mark.parametrize("lets", [True, False])
def test_a_proxy_hands_the_connection_on_and_sees_no_key(
    tmp_path: Path, ask: Ask, loop: Loop, *, lets: bool
) -> None:
    """Only where to; TLS is with the provider, through it."""
    public, context = certificate(tmp_path, "127.0.0.1")
    asked: list[bytes] = []
    seen: list[bytes] = []

    async def provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(b"HTTP/1.1 529 Busy\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            seen.append(data)
            writer.write(data)
        writer.close()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        if not lets:
            writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Go on\r\n\r\n")
        with contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, back), pump(there, writer))

    async def tried() -> ModelFault:
        async with raw_server(provider, context) as port, raw_server(proxy) as door:
            engine = engine_at(
                f"https://127.0.0.1:{port}",
                roots=str(public),
                proxy=f"http://me:secret@127.0.0.1:{door}",
            )
            with pytest.raises(ModelFault) as raised:
                await parts_of(engine, ask())
            await engine.close()
        return raised.value

    fault = loop(tried())
    assert fault.reason == ("overloaded" if lets else "unreachable")
    assert seen[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"proxy-authorization: Basic bWU6c2VjcmV0" in seen[0]
    assert not any(b"x-api-key" in data for data in seen)
    assert bool(asked) == lets


@pytest.mark.parametrize("wrong", ["ftp://example.org", "example.org", "http://"])
def test_an_address_that_is_none_is_named_at_the_start(wrong: str) -> None:
    """By its variable, and not with the first candidate."""
    with pytest.raises(WrongSetting, match="ANTHROPIC_BASE_URL"):
        engines.open_model(Settings(anthropic_api_key="sk", anthropic_base_url=wrong))


def test_a_key_with_a_line_break_is_no_key() -> None:
    """It would write headers of its own."""
    with pytest.raises(WrongSetting):
        engines.open_model(Settings(anthropic_api_key="sk\r\nx-evil: 1"))


# HTTP ---------------------------------------------------------------------------------------

GOOD = b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hola."}}\n\n'
END = (
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}\n\n'
    b'data: {"type":"message_stop"}\n\n'
)
KIND = b"Content-Type: text/event-stream\r\n"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + KIND + b"\r\n" + GOOD + END, ""),
        (b"HTTP/1.0 200 OK\r\n" + KIND + b"\r\n" + GOOD + END, ""),
        (b"HTTP/1.0 200 OK\r\n" + KIND + b"\r\n" + GOOD, "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n" + KIND + b"\r\n" + GOOD, "broken"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + KIND + b"\r\nzz\r\n" + GOOD,
            "broken",
        ),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "disconnected"),
        (b"SSH-2.0-OpenSSH_9\r\n", "disconnected"),
        (b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "disconnected"),
        (b"", "disconnected"),
    ],
)
async def test_whatever_a_server_says_is_an_answer_or_a_named_fault(
    ask: Ask, reply: bytes, reason: str
) -> None:
    """Interim heads, ends by closing, lengths that lie, other protocols, heads without an end."""

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async with raw_server(says) as port:
        engine = engine_at(f"http://127.0.0.1:{port}")
        found = ""
        try:
            parts = await parts_of(engine, ask())
            assert "Hola." in parts
        except ModelFault as fault:
            found = fault.reason
        await engine.close()
    assert found == reason


async def test_a_second_reply_that_nobody_asked_for_answers_nobody(ask: Ask) -> None:
    """It is not taken for the answer to the next question, which gets a connection of its own."""
    connections = 0

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        body = GOOD + END
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body) + KIND + b"\r\n"
        writer.write((head + body) + (head + body.replace(b"Hola", b"Evil")))
        await writer.drain()
        await reader.read()
        writer.close()

    async with raw_server(says) as port:
        engine = engine_at(f"http://127.0.0.1:{port}")
        for _ in range(3):
            parts = await parts_of(engine, ask())
            assert [part for part in parts if isinstance(part, str)] == ["Hola."]
        await engine.close()
    assert connections == 3
