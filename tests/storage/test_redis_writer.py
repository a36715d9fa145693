"""The one writer to Redis: batches, errors of single calls, and connections that die."""

import asyncio

import pytest

from protocol.faults import Fault
from storage import redis_writer
from storage.connect import open_redis
from storage.redis_writer import RedisWriter

ECHO = "-- Give back the argument; a wish to fail is granted.\n"
ECHO += "if ARGV[1] == 'fail' then return redis.error_reply('ERR wanted') end\n"
ECHO += "return redis.call('INCR', KEYS[1]) .. ':' .. ARGV[1]\n"


@pytest.fixture
async def writer(settings, monkeypatch):
    """A writer that knows one script, `echo`."""
    monkeypatch.setattr(redis_writer, "script", {"echo": ECHO}.__getitem__)
    client = open_redis(settings.redis_url, connections=1)
    writer = RedisWriter(client)
    yield writer
    await writer.close()
    await client.aclose()


async def test_what_comes_together_leaves_together_and_in_order(writer):
    """Each caller gets its own answer, in the order of the calls."""
    answers = await asyncio.gather(*(writer.run("echo", ["n"], [f"{i}"]) for i in range(1200)))
    assert [answer.decode() for answer in answers] == [f"{i + 1}:{i}" for i in range(1200)]


async def test_one_bad_call_fails_alone(writer):
    """Its neighbours in the batch are written."""
    calls = [writer.call("echo", ["n"], [word]) for word in ("a", "fail", "b")]
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert [told[0], told[2]] == [b"1:a", b"2:b"]
    assert isinstance(told[1], Fault)


async def test_arguments_keep_their_bytes(writer):
    """A candidate's words are not text to Redis."""
    assert await writer.run("echo", ["n"], [b"\x00\xff\r\n$3"]) == b"1:\x00\xff\r\n$3"


async def test_a_connection_that_died_is_opened_again(writer, redis):
    """A failover or an idle limit between two writes costs nobody an answer."""
    await writer.run("echo", ["n"], ["before"])
    await redis.client_kill_filter(_type="normal", skipme=True)
    assert await writer.run("echo", ["n"], ["after"]) == b"2:after"


async def test_forgotten_scripts_are_loaded_again(writer, redis):
    """A restarted Redis knows no script; nothing has run then, so nothing is done twice."""
    await writer.run("echo", ["n"], ["before"])
    await redis.script_flush()
    answers = await asyncio.gather(*(writer.run("echo", ["n"], ["x"]) for _ in range(3)))
    assert answers == [b"2:x", b"3:x", b"4:x"]


async def test_a_redis_that_is_away_is_a_fault_for_everybody():
    """Nobody waits for ever, and the next call tries anew."""
    client = open_redis("redis://127.0.0.1:1/0", connections=1)
    writer = RedisWriter(client)
    calls = [writer.call("tell", ["n"], ["x"]) for _ in range(3)]
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in told] == [Fault] * 3
    with pytest.raises(Fault):
        await writer.run("tell", ["n"], ["x"])
    await writer.close()
    await client.aclose()
