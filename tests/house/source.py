"""A file of the project as the rules see it: text, tree, and what its names stand for."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "cli", "client", "deploy", "fleet", "interview", "llm", "loadtest", "pipeline", "protocol",
    "runtime", "server", "storage", "web",
)  # fmt: skip
TEXTS = frozenset(
    [".py", ".js", ".css", ".html", ".sql", ".lua", ".md", ".toml", ".json", ".typ", ".svg", ""]
)


@dataclass
class Source:
    """One file; `path` is relative to the project. A Python file has a tree as well."""

    path: str
    text: str
    tree: ast.Module | None = None
    names: dict[str, str] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return PurePosixPath(self.path).suffix

    @property
    def room(self) -> str:
        """The top-level package."""
        return self.path.partition("/")[0]

    @property
    def lines(self) -> list[str]:
        """The file's lines."""
        return self.text.splitlines()

    def walk(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Every node of these kinds; none in a file that is not Python."""
        if self.tree is not None:
            for node in ast.walk(self.tree):
                if isinstance(node, kinds):
                    yield node

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call with the dotted name it goes to, aliases resolved: `t.time` -> `time.time`."""
        for node in self.walk(ast.Call):
            assert isinstance(node, ast.Call)
            yield node, self.dotted(node.func)

    def dotted(self, node: ast.AST) -> str:
        """The full dotted name of an expression; what is no name becomes `()`."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        if isinstance(node, ast.Call):
            return f"{self.dotted(node.func)}()"
        return "()"

    def strings(self) -> Iterator[tuple[int, str]]:
        """Every text in the code, f-strings joined, without docstrings."""
        inside: set[int] = set()
        for node in self.walk(ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef):
            first = node.body[0] if getattr(node, "body", None) else None  # type: ignore[attr-defined]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                inside.add(id(first.value))
        for node in self.walk(ast.JoinedStr):
            assert isinstance(node, ast.JoinedStr)
            parts = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
            inside.update(id(value) for value in node.values)
            yield node.lineno, "".join(str(part) for part in parts)
        for node in self.walk(ast.Constant):
            assert isinstance(node, ast.Constant)
            if isinstance(node.value, str) and id(node) not in inside:
                yield node.lineno, node.value

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every module imported, wherever the import stands."""
        for node in self.walk(ast.Import, ast.ImportFrom):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.lineno, node.module


def parse(path: str, text: str) -> Source:
    """Read a file's text; a Python file that does not parse raises SyntaxError."""
    if not path.endswith(".py"):
        return Source(path, text)
    source = Source(path, text, ast.parse(text, path))
    for node in source.walk(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            for alias in node.names:
                source.names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                source.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return source


def product() -> list[Source]:
    """Every text file of the product's packages."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and path.suffix in TEXTS and "__pycache__" not in name:
                found.append(parse(name, path.read_text(encoding="utf-8")))
    return found
