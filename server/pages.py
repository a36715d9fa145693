"""The pages and what they load: read once, named by a hash of everything, cached for a year.

A page names its parts as `/static/@/...`; `@` becomes the hash. Pages themselves are asked for
anew each time, and their policy lets them reach the live instances' sockets and nothing else.
"""

import contextlib
import gzip
import hashlib
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar import Request, Response, route
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

import web
from protocol.faults import Fault
from runtime.settings import Settings
from server import embedding
from server.caching import etag_of, matches
from server.house import House, house_of

PAGES: Final = ("i", "recruiter", "operator")
SITE_KEY: Final = "site"
PLACE: Final = "/static/@/"
CLIENT: Final = "client"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".ts": "text/plain",  # declarations: for people and their editors
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
_PACKED: Final = frozenset({".html", ".css", ".js", ".json", ".svg"})
_EMBEDDED: Final = {  # for pages of any origin, under a name that stays
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "public, max-age=300",
}
_YEAR: Final = "public, max-age=31536000, immutable"
_READ: Final = [HttpMethod.GET, HttpMethod.HEAD]
AnyRequest = Request[Any, Any, State]


class Asset(msgspec.Struct, frozen=True):
    """One file as it is sent: `packed` is its gzip form, empty where that saves nothing."""

    body: bytes
    packed: bytes
    type: str
    etag: str


class Site(msgspec.Struct, frozen=True):
    """All static files under one version, which is a hash of their names and contents."""

    version: str
    assets: dict[str, Asset]

    @property
    def base(self) -> str:
        """Return the path that every part of this version begins with."""
        return f"/static/{self.version}/"


def read_site(folder: Path | None = None) -> Site:
    """Read the files of `folder` (the web package) into memory."""
    root = folder or Path(web.__file__).parent
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }
    if (root / CLIENT / "session.js").exists():
        files[f"{CLIENT}/{embedding.NAME}"] = embedding.module(root / CLIENT).encode()
    digest = hashlib.sha256()
    for name, body in files.items():
        digest.update(f"{name}\0{len(body)}\0".encode() + body)
    version = digest.hexdigest()[:16]
    return Site(version, {name: _asset(name, body, version) for name, body in files.items()})


def _asset(name: str, body: bytes, version: str) -> Asset:
    suffix = Path(name).suffix
    if suffix == ".html":
        body = body.replace(PLACE.encode(), f"/static/{version}/".encode())
    packed = gzip.compress(body, mtime=0) if suffix in _PACKED else b""
    if len(packed) >= len(body):
        packed = b""
    return Asset(body, packed, _TYPES[suffix], etag_of(body))


def _send(request: AnyRequest, asset: Asset, headers: dict[str, str]) -> Response[bytes]:
    headers = {"etag": asset.etag, "vary": "Accept-Encoding", **headers}
    if matches(request.headers.get("if-none-match"), asset.etag):
        return Response(b"", status_code=304, headers=headers, media_type=asset.type)
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        # One representation, two codings: a weak validator may serve both.
        headers |= {"content-encoding": "gzip", "etag": f"W/{asset.etag}"}
        return Response(asset.packed, headers=headers, media_type=asset.type)
    return Response(asset.body, headers=headers, media_type=asset.type)


def _site(request: AnyRequest) -> Site:
    site = request.app.state[SITE_KEY]
    assert isinstance(site, Site)
    return site


@route("/static/{version:str}/{path:path}", http_method=_READ, include_in_schema=False)
async def static(
    request: AnyRequest, version: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Send a file; under an older version's name the present one, which is not to be kept."""
    site = _site(request)
    asset = site.assets.get(str(path).lstrip("/"))
    if asset is None:
        raise Fault("not_found")
    return _send(
        request, asset, {"cache-control": _YEAR if version == site.version else "no-store"}
    )


@route([f"/{name}" for name in PAGES], http_method=_READ, include_in_schema=False)
async def page(request: AnyRequest) -> Response[bytes]:
    """Send a page under its policy."""
    name = request.url.path.strip("/")
    asset = _site(request).assets.get(f"{name}/index.html")
    if asset is None:
        raise Fault("not_found")
    policy = content_policy(await _connect_sources(house_of(request)))
    return _send(request, asset, {"cache-control": "no-cache", "content-security-policy": policy})


@route(
    [f"/{CLIENT}/{name}" for name in (embedding.NAME, embedding.TYPES_NAME)],
    http_method=_READ,
    include_in_schema=False,
)
async def client(request: AnyRequest) -> Response[bytes]:
    """Send the client that other pages embed, or its types."""
    asset = _site(request).assets.get(request.url.path.strip("/"))
    if asset is None:
        raise Fault("not_found")
    return _send(request, asset, _EMBEDDED)


@route("/", http_method=_READ, include_in_schema=False)
async def home(request: AnyRequest) -> Redirect:
    """Show a person who typed the bare address where to go on."""
    del request
    return Redirect("/recruiter/")


HANDLERS: Final[list[ControllerRouterHandler]] = [static, page, client, home]


def content_policy(connect: list[str]) -> str:
    """Return the policy of a page: its own parts, no inline code or style, and these sources."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "manifest-src 'self'",
            "connect-src 'self' " + " ".join(dict.fromkeys(connect)),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


async def _connect_sources(house: House) -> list[str]:
    """Return where a page may connect: sockets on any port of the hosts that serve interviews.

    An instance that starts after the page was loaded is reached too: on a known host by its port,
    on another by settings.connect_sources.
    """
    urls = [house.settings.public_url, house.settings.instance_url]
    with contextlib.suppress(Fault):  # Redis is away: the configured hosts have to do
        urls += [instance.url for instance in await house.gate.instances()]
    found = [source for url in urls for source in socket_sources(url)]
    return [*found, *upload_sources(house.settings), *house.settings.connect_sources]


def socket_sources(url: str) -> list[str]:
    """Return the policy's sources for sockets on the URL's host."""
    parts = urlsplit(url)
    if not parts.hostname:
        return []
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    scheme = "wss" if parts.scheme in ("https", "wss") else "ws"
    return [f"{scheme}://{host}:*"]


def upload_sources(settings: Settings) -> list[str]:
    """Return where files are sent when the object store takes them itself."""
    parts = urlsplit(settings.storage_url)
    if parts.scheme != "s3":
        return []
    options = parse_qs(parts.query)
    endpoint = urlsplit(options.get("endpoint", [""])[0])
    if endpoint.netloc:
        return [f"{endpoint.scheme}://{endpoint.netloc}"]
    region = options.get("region", ["us-east-1"])[0]
    host = f"s3.{region}.amazonaws.com"
    return [f"https://{host}", f"https://{parts.netloc}.{host}"]
