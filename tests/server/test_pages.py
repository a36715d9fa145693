"""Static pages: one hash for all of them, a year in caches, and a policy without holes."""

import gzip
import re
from pathlib import Path

import msgspec
import pytest

import web
from runtime.settings import Settings
from server import embedding, pages
from tests.server.conftest import Door

YEAR = "public, max-age=31536000, immutable"


def site(folder: Path, **files: str) -> pages.Site:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_html", ".html").replace("_css", ".css")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return pages.read_site(folder)


def test_the_version_changes_with_any_name_or_content(tmp_path: Path) -> None:
    """The same files give the same hash; a moved byte gives another."""
    one = site(tmp_path / "a", x_css="a", y_css="b")
    assert one.version == site(tmp_path / "b", x_css="a", y_css="b").version
    others = {
        site(tmp_path / "c", x_css="ab", y_css="").version,
        site(tmp_path / "d", x_css="a", z_css="b").version,
        site(tmp_path / "e", x_css="b", y_css="a").version,
        one.version,
    }
    assert len(others) == 4


def test_pages_name_their_parts_by_the_version(tmp_path: Path) -> None:
    """`@` is the hash; Python files of the package are not served."""
    (tmp_path / "__init__.py").write_text("secret = 1")
    made = site(tmp_path, i__index_html='<link href="/static/@/s.css">', s_css="p{}")
    assert (
        made.assets["i/index.html"].body == f'<link href="/static/{made.version}/s.css">'.encode()
    )
    assert sorted(made.assets) == ["i/index.html", "s.css"]


async def test_every_part_a_page_names_exists(door: Door) -> None:
    """Each page of the web package loads, and so do its styles, scripts and pictures."""
    anyone = door.anyone
    for name in pages.PAGES:
        if not (Path(web.__file__).parent / name / "index.html").exists():
            continue
        for path in (f"/{name}/", f"/{name}"):
            answer = await anyone.get(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache"
        for part in re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text):
            found = await anyone.get(part)
            assert found.status_code == 200, part
            assert found.headers["cache-control"] == YEAR


async def test_what_is_known_already_is_not_sent_again(door: Door) -> None:
    """304 for pages and parts, whichever coding the client had."""
    base = pages.read_site().base
    for path in ("/i/", f"{base}style/base.css"):
        plain = await door.anyone.get(path, headers={"accept-encoding": "identity"})
        packed = await door.anyone.get(path, headers={"accept-encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.text == plain.text
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
        assert "Accept-Encoding" in packed.headers["vary"]
        for etag in (plain.headers["etag"], packed.headers["etag"]):
            same = await door.anyone.get(path, headers={"if-none-match": etag})
            assert (same.status_code, same.content) == (304, b"")
        head = await door.anyone.head(path, headers={"accept-encoding": "identity"})
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == plain.headers["content-length"]


async def test_an_older_page_still_finds_its_parts(door: Door) -> None:
    """After a deployment an open page loads what it needs; caches do not keep it so."""
    answer = await door.anyone.get("/static/0123456789abcdef/style/base.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_nothing_outside_the_pages_is_served(door: Door) -> None:
    """No climbing, no Python, no listing."""
    base = pages.read_site().base
    for path in (
        "__init__.py",
        "../server/app.py",
        "..%2fserver%2fapp.py",
        "%2e%2e/web/__init__.py",
        "",
        "style",
        "style/",
        "/etc/passwd",
        "%00",
        "style/base.css/",
    ):
        answer = await door.anyone.get(f"{base}{path}")
        if path == "style/base.css/":
            assert answer.status_code in (200, 404)
            continue
        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not_found"


async def test_the_bare_address_leads_to_a_page(door: Door) -> None:
    """A person who types it sees something."""
    answer = await door.anyone.get("/")
    assert answer.status_code in (302, 307)
    assert answer.headers["location"] == "/recruiter/"


async def test_a_page_may_reach_the_live_instances_and_nothing_else(door: Door) -> None:
    """connect-src 'self' alone would block a socket on another port."""
    await door.slots.register("far", url="wss://live.example:8443/ws", admit=70, cap=75, target=50)
    await door.slots.renew("far", [])
    policy = (await door.anyone.get("/i/")).headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == "'self'"
    assert parts["style-src"] == "'self'"
    assert "'self'" in parts["connect-src"].split()
    assert "ws://127.0.0.1:*" in parts["connect-src"].split()
    assert "wss://live.example:*" in parts["connect-src"].split()
    assert "unsafe" not in policy
    assert "https:" not in policy


@pytest.mark.parametrize(
    ("storage", "sources"),
    [
        ("file:///x", []),
        ("s3://b?endpoint=http://127.0.0.1:9000", ["http://127.0.0.1:9000"]),
        (
            "s3://b/p?region=sa-east-1",
            ["https://s3.sa-east-1.amazonaws.com", "https://b.s3.sa-east-1.amazonaws.com"],
        ),
    ],
)
def test_uploads_may_go_to_the_object_store(storage: str, sources: list[str]) -> None:
    """A presigned upload leaves our origin; the page's policy knows where to."""
    assert pages.upload_sources(Settings(storage_url=storage)) == sources


def test_more_hosts_can_be_named() -> None:
    """A fleet whose instances have names of their own says so in a setting."""
    settings = Settings(connect_sources=("wss://*.live.example",))
    assert msgspec.structs.asdict(settings)["connect_sources"] == ("wss://*.live.example",)
    assert "wss://*.live.example" in pages.content_policy(list(settings.connect_sources))


def test_packing_never_makes_a_file_larger(tmp_path: Path) -> None:
    """What gzip would only lengthen is sent as it is."""
    made = site(tmp_path, t_css="a", l_css="a {} " * 500)
    assert made.assets["t.css"].packed == b""
    assert gzip.decompress(made.assets["l.css"].packed) == made.assets["l.css"].body


async def test_the_client_to_embed_is_one_module_for_any_origin(door: Door) -> None:
    """Under a name that stays, with its types beside it; the same as what a command writes."""
    elsewhere = {"origin": "https://empleos.example"}
    folder = Path(web.__file__).parent / pages.CLIENT
    wanted = {
        embedding.NAME: ("text/javascript", embedding.module(folder)),
        embedding.TYPES_NAME: ("text/plain", (folder / embedding.TYPES_NAME).read_text()),
    }
    for name, (kind, text) in wanted.items():
        answer = await door.anyone.get(f"/client/{name}", headers=elsewhere)
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        known = {"if-none-match": answer.headers["etag"], **elsewhere}
        assert (await door.anyone.get(f"/client/{name}", headers=known)).status_code == 304
    assert (await door.anyone.get("/client/session.js")).status_code == 404
