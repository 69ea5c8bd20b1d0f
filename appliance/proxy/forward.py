"""Writing the heads that are sent on: made anew from their parts, never the bytes that came (RFC 9110, 7.6).

May live here: heads as bytes, pure. May not: what is allowed. What concerns one connection only is left out, and so is
all that would show our sign-in to an origin or let an origin ask for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.daemon.http_framing import Body
from appliance.daemon.http_head import Field, RequestHead, ResponseHead
from appliance.proxy.target import Where

_OURS = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_VIA = "Via: 1.1 schoolserver\r\n"


def keeps_open(head: RequestHead | ResponseHead) -> bool:
    """Whether the sender of ``head`` keeps its connection open after this exchange; HTTP/1.0 never does here."""
    return head.minor == 1 and "close" not in _named(head.fields)


def request_upstream(head: RequestHead, where: Where, path: str, body: Body) -> bytes:
    """Write the head of a request to the origin ``where``, in origin form."""
    host = where.host if ":" not in where.host else f"[{where.host}]"
    host = host if where.port == 80 else f"{host}:{where.port}"
    length = None if body.chunked or (body.length == 0 and not head.values("content-length")) else body.length
    several = sum(value.count(",") + 1 for value in head.values("range")) > 1
    # The answer with several parts would not say how large the whole is; without the field all of it comes.
    fields = tuple(field for field in head.fields if field[0] != "range") if several else head.fields
    return (f"{head.method} {path} HTTP/1.1\r\nHost: {host}\r\n{_rest(fields, body, length)}").encode("latin-1")


def response_downstream(head: ResponseHead, request: RequestHead, body: Body, keep: bool) -> bytes:
    """Write the head of a final response to the client that sent ``request``; ``keep``: its connection stays open."""
    told = head.values("content-length")
    length = int(told[0]) if told and told[0].isdecimal() and not body.chunked else None
    chunks = body if body.chunked and request.minor == 1 else None
    line = f"HTTP/1.1 {head.status} {head.phrase}\r\n"
    close = "" if keep else "Connection: close\r\n"
    return (line + close + _rest(head.fields, chunks, length)).encode("latin-1")


def interim(head: ResponseHead) -> bytes:
    """Write the head of an interim response (1xx)."""
    return f"HTTP/1.1 {head.status} {head.phrase}\r\n{_rest(head.fields, None, None)}".encode("latin-1")


def _rest(fields: tuple[Field, ...], body: Body | None, length: int | None) -> str:
    dropped = _OURS | _named(fields)
    kept = "".join(f"{name}: {value}\r\n" for key, name, value in fields if key not in dropped)
    if body is not None and body.chunked:
        kept += "Transfer-Encoding: chunked\r\n"
    elif length is not None:
        kept += f"Content-Length: {length}\r\n"
    return f"{kept}{_VIA}\r\n"


def _named(fields: Iterable[Field]) -> frozenset[str]:
    """What Connection names, so that it goes no further."""
    named = (value for key, _, value in fields if key in ("connection", "proxy-connection"))
    return frozenset(part.strip().lower() for value in named for part in value.split(","))
