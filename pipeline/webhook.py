"""A signed POST to the operator's own receiver: bounded, without redirects, without a proxy.

The receiver checks `x-entrevistador-signature: t=<seconds>,v1=<hex>`, the HMAC-SHA256 of
"<seconds>.<body>" under the shared secret, and takes the same `x-entrevistador-delivery` once.
"""

import hashlib
import hmac
import http.client
import ssl
from typing import Final
from urllib.parse import urlsplit

from protocol import limits
from protocol.faults import Fault

SIGNATURE: Final = "x-entrevistador-signature"
DELIVERY: Final = "x-entrevistador-delivery"
TAKEN: Final = range(200, 300)
REPLY_BYTES_MAX: Final = 4096


def sign(secret: str, at: int, body: bytes) -> str:
    """Return the signature's header for a body that is sent at `at` (seconds since 1970)."""
    told = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={told}"


def post(url: str, secret: str, body: bytes, *, delivery: str, at: int) -> None:
    """Send one telling; blocks. Fault `server_error` unless the receiver says 2xx in time."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    line: http.client.HTTPConnection
    if parts.scheme == "https":
        line = http.client.HTTPSConnection(
            host, parts.port, timeout=limits.ALERT_SECONDS, context=ssl.create_default_context()
        )
    else:
        line = http.client.HTTPConnection(host, parts.port, timeout=limits.ALERT_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "content-type": "application/json",
        "user-agent": "entrevistador",
        "connection": "close",
        DELIVERY: delivery,
        SIGNATURE: sign(secret, at, body),
    }
    try:
        line.request("POST", path, body=body, headers=headers)
        reply = line.getresponse()
        status = reply.status
        reply.read(REPLY_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise Fault("server_error", f"the receiver: {type(error).__name__}") from error
    finally:
        line.close()
    if status not in TAKEN:
        raise Fault("server_error", f"the receiver: {status}")
