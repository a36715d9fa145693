"""The rules of the house as code: each finds its violations in one file, and shows some.

A rule without a failing example would be a rule that may not work; the tests run both sides.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.house.source import Source

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_CHARS_MAX = 100

Finding = tuple[int, str]
Check = Callable[[Source], Iterator[Finding]]


class Example(NamedTuple):
    """A file's text under a path: what a rule must flag, or must let pass."""

    path: str
    text: str


@dataclass(frozen=True)
class Rule:
    """A named rule, why it is there, its check, and examples for both sides."""

    name: str
    why: str
    check: Check
    flags: tuple[Example, ...]
    passes: tuple[Example, ...] = ()


def _module_lines(source: Source) -> Iterator[Finding]:
    if source.suffix in {".py", ".js", ".lua"} and len(source.lines) > MODULE_LINES_MAX:
        yield 1, f"{len(source.lines)} lines"


def _function_lines(source: Source) -> Iterator[Finding]:
    for node in source.walk(ast.FunctionDef, ast.AsyncFunctionDef):
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            yield node.lineno, f"{node.name} has {length} lines"


PRAGMA = re.compile(r"\s*# (noqa|type: ignore|fmt: skip).*$")


def _line_chars(source: Source) -> Iterator[Finding]:
    if source.suffix in {".py", ".js", ".lua", ".sql", ".css"} and not source.path.startswith(
        "web/i18n/"  # sentences for people, one a line
    ):
        for number, whole in enumerate(source.lines, 1):
            line = PRAGMA.sub("", whole)  # as ruff counts
            if len(line) > LINE_CHARS_MAX:
                yield number, f"{len(line)} characters"


def _first_line(source: Source) -> Iterator[Finding]:
    if source.tree is not None and not ast.get_docstring(source.tree):
        yield 1, "no first line that says what the module is for"
    if source.suffix == ".lua" and not source.text.startswith("--"):
        yield 1, "no first line that says what the script is for"
    if source.suffix == ".js" and not source.text.startswith(("//", "/*")):
        yield 1, "no first line that says what the module is for"


LOADERS = ("llm/engines.py", "cli/__main__.py")  # heavy libraries, and one command's own imports


def _local_import(source: Source) -> Iterator[Finding]:
    for outer in source.walk(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef):
        for node in ast.walk(outer):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node.lineno, "an import inside a function or class"
    for node, name in source.calls():
        if name in {"importlib.import_module", "__import__"} and source.path not in LOADERS:
            yield node.lineno, f"{name} outside the registries that load by name"


def _type_checking(source: Source) -> Iterator[Finding]:
    for node in source.walk(ast.Name, ast.Attribute, ast.alias):
        name = getattr(node, "id", getattr(node, "attr", getattr(node, "name", "")))
        if name == "TYPE_CHECKING":
            yield getattr(node, "lineno", 1), "TYPE_CHECKING hides an import from the floors"


def _global(source: Source) -> Iterator[Finding]:
    for node in source.walk(ast.Global):
        assert isinstance(node, ast.Global)
        yield node.lineno, f"global {', '.join(node.names)}"


CLOCKS = re.compile(
    r"^(time\.(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?"
    r"|time\.(localtime|gmtime|ctime|strftime)"
    r"|datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today"
    r"|uuid\.uuid[167]"
    r"|(.*\.)?(get_running_loop|get_event_loop)\(\)\.time|(.*\.)?_?loop\.time)$"
)


def _clock(source: Source) -> Iterator[Finding]:
    if source.path == "runtime/clock.py":
        return
    for node, name in source.calls():
        if source.room == "loadtest" and name.endswith(("loop.time", "loop().time")):
            continue  # call_at counts in the loop's own time, and a crowd is started by it
        if CLOCKS.match(name):
            yield node.lineno, f"{name}() reads a clock: runtime.clock does"


TRANSACTIONS = frozenset(["transaction", "commit", "rollback"])


def _transaction(source: Source) -> Iterator[Finding]:
    if source.path == "storage/transaction.py":
        return
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr in TRANSACTIONS:
            yield node.lineno, f".{node.func.attr}( outside storage.transaction"


TASKS = frozenset(["create_task", "ensure_future"])


def _bare_task(source: Source) -> Iterator[Finding]:
    if source.path == "runtime/lifecycle.py":
        return
    for node, name in source.calls():
        if name.rpartition(".")[2] in TASKS:
            yield node.lineno, f"{name}: a task without an owner (runtime.lifecycle.Tasks)"


def _environment(source: Source) -> Iterator[Finding]:
    if source.path == "runtime/settings.py" or source.room == "cli":
        return
    for node in source.walk(ast.Attribute, ast.Name):
        assert isinstance(node, ast.expr)
        if source.dotted(node) in {"os.environ", "os.getenv", "os.putenv", "os.environb"}:
            yield node.lineno, "the environment is read once, by runtime.settings"


SQL = re.compile(
    r"^\s*(SELECT\s[\s\S]+\sFROM\s|SELECT\s+\w+\s*\(|INSERT\s+INTO\s|DELETE\s+FROM\s"
    r"|UPDATE\s+\S+\s+SET\s|WITH\s+\w+\s+AS\s*\(|SET\s+(LOCAL|ROLE|SESSION)\s|COPY\s+\w+\s"
    r"|(CREATE|ALTER|DROP|TRUNCATE|LOCK)\s+(TABLE|ROLE|DATABASE|INDEX|POLICY|FUNCTION|EXTENSION)"
    r"|GRANT\s+\w+|REVOKE\s+\w+|LISTEN\s+\w+$|BEGIN;|COMMIT;?$)",
    re.IGNORECASE,
)
LUA = re.compile(r"redis\.(call|pcall)\s*\(")
DRIVER = frozenset((
    "fetch", "fetchrow", "fetchval", "executemany", "copy_records_to_table", "copy_to_table",
    "xadd", "xread", "xrange", "xrevrange", "xtrim", "hset", "hget", "hgetall", "hdel", "hmget",
    "zadd", "zrange", "zrem", "zcard", "zscore", "zrangebyscore", "sadd", "srem", "smembers",
    "lpush", "rpush", "brpop", "blpop", "pexpire", "setex", "psetex", "setnx", "incrby", "evalsha",
    "register_script", "script_load", "execute_command",
))  # fmt: skip
CLIENTS = frozenset(["asyncpg", "redis", "pgvector", "obstore", "valkey"])
BROKER = "pipeline/broker.py"  # dramatiq wants its client made for it; the keys are dramatiq's
LUGGAGE = ("storage", "loadtest/bench")


def _store(source: Source) -> Iterator[Finding]:
    """Outside storage: no SQL, no Lua, no command to a store, no client of one."""
    if source.path.startswith(LUGGAGE):
        return
    for number, text in source.strings():
        if SQL.match(text) or LUA.search(text):
            yield number, f"SQL or Lua outside storage: {text.strip()[:40]!r}"
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr in DRIVER:
            yield node.lineno, f".{node.func.attr}( outside storage"
    for number, module in source.imports():
        client = module.partition(".")[0]
        named = module == "redis.exceptions"  # to say what failed is to touch nothing
        if client in CLIENTS and not named and source.path != BROKER:
            yield number, f"{module} imported outside storage"
    if source.suffix in {".sql", ".lua"}:
        yield 1, f"a {source.suffix} file outside storage"


def _keys(source: Source) -> Iterator[Finding]:
    """Inside storage: a Redis key is written in storage.keys and nowhere else."""
    if source.room != "storage" or source.path == "storage/keys.py":
        return
    for number, text in source.strings():
        if re.match(r"^(?!user|candidate|system)[a-z_]+:\{\}", text):  # those three are actors
            yield number, f"a Redis key outside storage.keys: {text[:40]!r}"


STAND_IN = "cli/model.py"  # says which address the stand-in serves


def _model(source: Source) -> Iterator[Finding]:
    for number, module in source.imports():
        if module.partition(".")[0] in {"anthropic", "openai", "litellm"}:
            yield number, f"{module}: models are llm's, and its registry loads them by name"
    if source.room not in {"llm", "loadtest"} and source.path != STAND_IN:
        for number, text in source.strings():
            if re.search(r"/v1/messages|claude-(haiku|sonnet|opus)", text):
                yield number, f"a model's address or name outside llm: {text[:40]!r}"


NOTES = (("TODO"), ("FIXME"), ("XXX"), ("HACK"), ("raise NotImplementedError"))
UNFINISHED = re.compile(rf"\b({'|'.join(NOTES)})\b")


def _unfinished(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, 1):
        found = UNFINISHED.search(line)
        if found:
            yield number, f"unfinished: {found[0]}"


EFFECTS = frozenset((
    "os", "io", "socket", "ssl", "select", "asyncio", "threading", "multiprocessing", "time",
    "subprocess", "tempfile", "shutil", "secrets", "logging", "http", "urllib", "sqlite3", "signal",
    "sys", "concurrent", "queue", "httpx2", "websockets", "litestar", "uvicorn", "asyncpg", "redis",
    "dramatiq", "anthropic", "obstore", "pathlib", "glob", "runtime",
))  # fmt: skip
MAY_READ_CLOCK_OF_RUNTIME = ("fleet/policy.py",)


def _pure(source: Source) -> Iterator[Finding]:
    """Invariant 1: protocol, interview and fleet.policy do no I/O and draw nothing at random."""
    if source.room not in {"protocol", "interview"} and source.path != "fleet/policy.py":
        return
    for number, module in source.imports():
        if module.partition(".")[0] in EFFECTS:
            yield number, f"{module} in a pure room"
    for node, name in source.calls():
        if name in {"open", "print", "input", "exec", "eval"} or (
            name.startswith("random.") and not name.startswith("random.Random")
        ):
            yield node.lineno, f"{name}( in a pure room"
        if name == "random.Random" and not node.args:
            yield node.lineno, "random.Random without a seed in a pure room"
    for node in source.walk(ast.AsyncFunctionDef, ast.Await):
        yield getattr(node, "lineno", 1), "async in a pure room"


QUEUES = frozenset(["Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"])
WAITS = frozenset((
    "subprocess.run", "subprocess.check_output", "subprocess.check_call", "asyncpg.connect",
    "asyncpg.create_pool", "httpx2.AsyncClient", "httpx2.Client", "httpx2.get", "httpx2.post",
    "urllib.request.urlopen", "socket.create_connection", "websockets.connect",
))  # fmt: skip
BLOCKS = frozenset(["BlockingConnectionPool", "ConnectionPool"])


def _bounds(source: Source) -> Iterator[Finding]:
    """Invariant 5: a queue has a size, a wait has a limit, a cache has an end."""
    for node, name in source.calls():
        last = name.rpartition(".")[2]
        given = {keyword.arg for keyword in node.keywords}
        if last in QUEUES and name.startswith(("asyncio", "queue", "multiprocessing")):
            if not node.args and "maxsize" not in given:
                yield node.lineno, f"{name} without a bound"
        elif name in WAITS and "timeout" not in given and "open_timeout" not in given:
            yield node.lineno, f"{name} without a timeout"
        elif name == "functools.lru_cache" and not node.args and "maxsize" not in given:
            yield node.lineno, "lru_cache without a size"
        elif "socket_timeout" not in given and (
            last in BLOCKS or name.endswith(("Pool.from_url", "Redis.from_url"))
        ):
            yield node.lineno, f"{name} without a socket_timeout"
    for function in source.walk(ast.FunctionDef, ast.AsyncFunctionDef):
        assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for mark in function.decorator_list:
            if source.dotted(mark) in {"functools.cache", "functools.lru_cache"} and _open(
                function
            ):
                yield function.lineno, f"{function.name}: a cache that grows with its arguments"


def _open(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a parameter could take any value: a Literal or an enumeration is a closed list."""
    return any(
        argument.annotation is None
        or ast.unparse(argument.annotation) in {"str", "int", "float", "bytes", "object", "Any"}
        for argument in function.args.args
    )


LOG_METHODS = frozenset(["debug", "info", "warning", "error", "crash"])
WORDS = frozenset(["text", "answer", "question", "quote", "email", "phone", "filename", "profile"])


def _logs(source: Source) -> Iterator[Finding]:
    """Invariant 7: an event is a constant; what varies is a named field; words have no field."""
    if source.path == "runtime/logs.py" or source.room == "loadtest":
        return  # a load tester logs to its own console, and its candidates are made up
    for node, name in source.calls():
        if name == "logging.getLogger" or name.startswith("logging.basicConfig"):
            yield node.lineno, "lines go through runtime.logs"
        if not re.match(r"^(.*\.)?_?log(ger)?\.\w+$", name):
            continue
        if name.rpartition(".")[2] not in LOG_METHODS:
            continue
        event = node.args[0] if node.args else None
        constant = isinstance(event, ast.Constant) and re.match(r"^[a-z0-9_]+$", str(event.value))
        if len(node.args) != 1 or not constant:
            yield node.lineno, "a log event is one constant name, everything else a field"
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in WORDS:
                yield node.lineno, f"a log field may hold somebody's words: {keyword.arg}"
    for node, name in source.calls():
        if re.match(r"^(runtime\.)?metrics\.\w+\.labels$", name):
            for word in _last_names(node):
                if word in WORDS:
                    yield node.lineno, f"a metric's label may hold somebody's words: {word}"


def _last_names(node: ast.AST) -> Iterator[str]:
    """The names whose values are used: of `answer.status` that is `status`."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    else:
        for child in ast.iter_child_nodes(node):
            yield from _last_names(child)


def _printing(source: Source) -> Iterator[Finding]:
    if source.room in {"cli", "loadtest"}:
        return
    for node, name in source.calls():
        if name in {"print", "pprint.pprint", "breakpoint"}:
            yield node.lineno, f"{name}( is for the commands"


PAGE = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|srcdoc)\b"
    r"|\b(eval|new Function|document\.write)\s*\("
)
INLINE = re.compile(r"""<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+\s*=\s*["']|\sstyle\s*=\s*["']""")
FAR = re.compile(r"""(src|href)\s*=\s*["'](https?:)?//|\bimport\b[^;]*["']https?://""")


def _pages(source: Source) -> Iterator[Finding]:
    """What the content security policy would refuse, or a stranger's words could become."""
    for number, line in enumerate(source.lines, 1):
        if source.suffix in {".js", ".html"} and PAGE.search(line):
            yield number, "a text could become code"
        if source.suffix == ".html" and INLINE.search(line):
            yield number, "inline script, handler or style"
        if source.suffix in {".html", ".js"} and FAR.search(line):
            yield number, "something is loaded from another host"


def _long(lines: int) -> str:
    return '"""Long."""\n' + "x = 1\n" * lines


def _py(path: str, body: str) -> Example:
    return Example(path, f'"""An example."""\n\n{body}\n')


RULES: tuple[Rule, ...] = (
    Rule(
        "module_lines",
        f"a module has at most {MODULE_LINES_MAX} lines",
        _module_lines,
        (Example("server/a.py", _long(400)), Example("web/a.js", "// a\n" * 401)),
        (Example("server/a.py", _long(399)), Example("web/a.css", "a {}\n" * 500)),
    ),
    Rule(
        "function_lines",
        f"a function has at most {FUNCTION_LINES_MAX} lines",
        _function_lines,
        (
            _py("server/a.py", "def f():\n" + "    x = 1\n" * 70),
            _py("server/a.py", "class A:\n    async def f(self):\n" + "        x = 1\n" * 70),
        ),
        (_py("server/a.py", "def f():\n" + "    x = 1\n" * 69),),
    ),
    Rule(
        "line_chars",
        f"a line has at most {LINE_CHARS_MAX} characters",
        _line_chars,
        (_py("server/a.py", "x = " + "1" * 97), Example("storage/a.sql", "-" * 101)),
        (_py("server/a.py", "x = " + "1" * 96), Example("web/a.html", "-" * 300)),
    ),
    Rule(
        "first_line",
        "a module's first line says what it is for",
        _first_line,
        (
            Example("server/a.py", "x = 1\n"),
            Example("server/a.py", "# a comment\nx = 1\n"),
            Example("storage/scripts/a.lua", "return 1\n"),
            Example("web/a.js", "export const a = 1;\n"),
        ),
        (Example("server/a.py", '"""What it is for."""\n'), Example("web/a.js", "// For.\n")),
    ),
    Rule(
        "local_import",
        "imports stand at the top; by name only in the two registries",
        _local_import,
        (
            _py("server/a.py", "def f():\n    import json\n"),
            _py("server/a.py", "class A:\n    def f(self):\n        from json import loads\n"),
            _py("server/a.py", "import importlib\nm = importlib.import_module('json')"),
            _py("llm/a.py", "from importlib import import_module as load\nload('json')"),
        ),
        (_py("llm/engines.py", "import importlib\ndef f():\n    importlib.import_module('json')"),),
    ),
    Rule(
        "type_checking",
        "the floors hold for types too",
        _type_checking,
        (
            _py("server/a.py", "from typing import TYPE_CHECKING\n"),
            _py("server/a.py", "import typing\nif typing.TYPE_CHECKING:\n    import json\n"),
        ),
        (_py("server/a.py", "x = 'TYPE_CHECKING'"),),
    ),
    Rule(
        "global",
        "a module holds no state that a function replaces",
        _global,
        (_py("server/a.py", "x = 1\ndef f():\n    global x\n    x = 2\n"),),
        (_py("server/a.py", "def f():\n    x = 1\n    def g():\n        nonlocal x\n"),),
    ),
    Rule(
        "clock",
        "time is read in runtime.clock, so that tests can hold it",
        _clock,
        (
            _py("server/a.py", "import time\ntime.time()"),
            _py("server/a.py", "import time as t\nt.perf_counter_ns()"),
            _py("server/a.py", "from time import monotonic\nmonotonic()"),
            _py("server/a.py", "from datetime import UTC, datetime\ndatetime.now(UTC)"),
            _py("server/a.py", "import datetime as d\nd.date.today()"),
            _py("server/a.py", "import asyncio\nasyncio.get_running_loop().time()"),
            _py("server/a.py", "def f(self):\n    return self._loop.time()"),
            _py("server/a.py", "from uuid import uuid1\nuuid1()"),
        ),
        (
            _py("runtime/clock.py", "import time\ntime.time()"),
            _py("server/a.py", "from runtime import clock\nclock.now()"),
            _py("server/a.py", "import time\ntime.sleep(1)"),
        ),
    ),
    Rule(
        "transaction",
        "a transaction begins and ends in storage.transaction",
        _transaction,
        (
            _py("storage/a.py", "async def f(c):\n    async with c.transaction():\n        pass"),
            _py("server/a.py", "async def f(c):\n    await c.commit()"),
        ),
        (_py("storage/transaction.py", "def f(c):\n    return c.transaction()"),),
    ),
    Rule(
        "bare_task",
        "every task has an owner that hears of its crash",
        _bare_task,
        (
            _py("server/a.py", "import asyncio\nasyncio.create_task(f())"),
            _py("server/a.py", "from asyncio import ensure_future as go\ngo(f())"),
            _py("server/a.py", "import asyncio\nasyncio.get_running_loop().create_task(f())"),
        ),
        (_py("server/a.py", "def f(tasks):\n    tasks.start(g())"),),
    ),
    Rule(
        "environment",
        "a process reads its environment once (invariant 10)",
        _environment,
        (
            _py("server/a.py", "import os\nos.environ['HOME']"),
            _py("storage/a.py", "from os import environ\nenviron.get('HOME')"),
            _py("loadtest/a.py", "import os\nos.getenv('HOME')"),
        ),
        (_py("cli/environment.py", "import os\nos.environ"),),
    ),
    Rule(
        "store",
        "SQL, Lua, Redis and objects are storage's alone (invariant 2)",
        _store,
        (
            _py("server/a.py", "q = 'SELECT id FROM cvs WHERE id = $1'"),
            _py("server/a.py", "q = f'select {x} from cvs'"),
            _py("pipeline/a.py", "q = '''\n  insert into cvs (id) values ($1)'''"),
            _py("server/a.py", "q = 'SELECT save_turns($1)'"),
            _py("llm/a.py", "s = \"return redis.call('get', KEYS[1])\""),
            _py("server/a.py", "async def f(r):\n    await r.xadd('events', {})"),
            _py("server/a.py", "async def f(c):\n    await c.fetchrow(Q)"),
            _py("server/a.py", "from redis.asyncio import Redis"),
            _py("pipeline/a.py", "import asyncpg"),
            Example("server/a.lua", "-- A script.\nreturn 1\n"),
        ),
        (
            _py("storage/a.py", "import asyncpg\nq = 'SELECT id FROM cvs'"),
            Example("server/a.py", '"""Select one from the list."""\nx = "delete the file"'),
            _py("server/a.py", "from redis.exceptions import RedisError"),
            _py("pipeline/broker.py", "import redis"),
        ),
    ),
    Rule(
        "keys",
        "every Redis key is written in storage.keys (invariant 2)",
        _keys,
        (_py("storage/a.py", "def f(x):\n    return f'live:{x}'"),),
        (
            _py("storage/keys.py", "def f(x):\n    return f'live:{x}'"),
            _py("storage/a.py", "def f(x):\n    return f'redis://{x}', f'not found: {x}'"),
        ),
    ),
    Rule(
        "model",
        "only llm talks to a model (invariant 2)",
        _model,
        (
            _py("server/a.py", "import anthropic"),
            _py("llm/a.py", "from anthropic import AsyncAnthropic"),
            _py("server/a.py", "m = 'claude-haiku-5-5'"),
            _py("pipeline/a.py", "u = base + '/v1/messages'"),
        ),
        (_py("llm/a.py", "u = '/v1/messages'"),),
    ),
    Rule(
        "unfinished",
        "what is not done is an issue, not a note in the code",
        _unfinished,
        (
            _py("server/a.py", f"x = 1  # {NOTES[0]} later"),
            Example("web/a.js", f"// {NOTES[1]}\n"),
            _py("server/a.py", f"def f():\n    {NOTES[-1]}"),
        ),
        (_py("server/a.py", "todo = 'todos los días'"),),
    ),
    Rule(
        "pure",
        "protocol, interview and fleet.policy do no I/O (invariant 1)",
        _pure,
        (
            _py("interview/a.py", "import asyncio"),
            _py("protocol/a.py", "from pathlib import Path"),
            _py("interview/a.py", "from runtime import clock"),
            _py("interview/a.py", "def f():\n    return open('a')"),
            _py("interview/a.py", "import random\nrandom.choice([1])"),
            _py("interview/a.py", "import random\nrandom.Random()"),
            _py("fleet/policy.py", "async def f():\n    await g()"),
        ),
        (
            _py("interview/a.py", "import random\nrandom.Random(7).choice([1])"),
            _py("fleet/sensors.py", "import asyncio"),
        ),
    ),
    Rule(
        "bounds",
        "every queue, wait and cache has a bound (invariant 5)",
        _bounds,
        (
            _py("server/a.py", "import asyncio\nq = asyncio.Queue()"),
            _py("server/a.py", "from queue import Queue\nq = Queue()"),
            _py("server/a.py", "import subprocess\nsubprocess.run(['a'], check=True)"),
            _py("client/a.py", "import httpx2\nh = httpx2.AsyncClient()"),
            _py("storage/a.py", "import asyncpg\nasync def f():\n    await asyncpg.connect(u)"),
            _py("storage/a.py", "from redis.asyncio import Redis\nr = Redis.from_url(u)"),
            _py("server/a.py", "from functools import cache\n@cache\ndef f(x: str): ..."),
            _py("server/a.py", "from functools import lru_cache\n@lru_cache()\ndef f(x: str): ..."),
        ),
        (
            _py("server/a.py", "import asyncio\nasyncio.Queue(8), asyncio.Queue(maxsize=8)"),
            _py("server/a.py", "from functools import cache\n@cache\ndef f(): ..."),
            _py("server/a.py", "from functools import cache\n@cache\ndef f(lane: Lane): ..."),
        ),
    ),
    Rule(
        "logs",
        "a candidate's words are in no log line and no metric (invariant 7)",
        _logs,
        (
            _py("server/a.py", "log.info(f'answer {text}')"),
            _py("server/a.py", "self._log.warning('saved %s', answer)"),
            _py("server/a.py", "log.info('The answer was saved')"),
            _py("server/a.py", "log.info('saved', text=answer)"),
            _py("server/a.py", "log.info('saved', **fields)"),
            _py("server/a.py", "import logging\nlogging.getLogger('a')"),
            _py("server/a.py", "from runtime import metrics\nmetrics.a.labels(f'{answer}').inc()"),
        ),
        (
            _py("server/a.py", "log.info('answer_saved', session_id=s)"),
            _py("server/a.py", "catalog.info('Any text')"),
        ),
    ),
    Rule(
        "printing",
        "only the commands speak to a terminal",
        _printing,
        (_py("server/a.py", "print('here')"), _py("interview/a.py", "breakpoint()")),
        (_py("cli/a.py", "print('here')"),),
    ),
    Rule(
        "pages",
        "a page holds nothing its own security policy refuses",
        _pages,
        (
            Example("web/a.js", "// A.\nnode.innerHTML = text;\n"),
            Example("web/a.html", "<script>alert(1)</script>"),
            Example("web/a.html", '<button onclick="go()">'),
            Example("web/a.html", '<p style="color: red">'),
            Example("web/a.html", '<link href="https://fonts.example/a.css">'),
            Example("web/a.js", '// A.\nimport a from "https://cdn.example/a.js";\n'),
        ),
        (
            Example("web/a.html", '<script type="module" src="/static/a.js"></script>'),
            Example("web/a.js", "// A.\nnode.textContent = text;\n"),
        ),
    ),
)  # fmt: skip
