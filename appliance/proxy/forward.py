"""Writing the heads that are sent on: made anew from their parts, never the bytes that came (RFC 9110, 7.6).

May live here: heads as bytes, pure. May not: what is allowed. What concerns one connection only is left out, and so is
all that would show our sign-in to an origin or let an origin ask for it.
"""

from __future__ import annotations

from functools import lru_cache

from appliance.daemon.http_framing import Body
from appliance.daemon.http_head import NEAR, RequestHead, ResponseHead
from appliance.proxy.target import Where

_VIA = "\nVia: 1.1 schoolserver\r\n\r\n"
_NOT_FAR = NEAR | {"close", ""}


def keeps_open(head: RequestHead | ResponseHead) -> bool:
    """Whether the sender of ``head`` keeps its connection open after this exchange; HTTP/1.0 never does here."""
    return head.minor == 1 and "close" not in head.named


def request_upstream(head: RequestHead, where: Where, path: str, body: Body) -> bytes:
    """Write the head of a request to the origin ``where``, in origin form."""
    length = None if body.chunked or (body.length == 0 and "content-length" not in head.near) else body.length
    kept = _kept(head)
    ranges = head.near.get("range")
    # The answer with several parts would not say how large the whole is; without the field all of it comes.
    if ranges and len(ranges) == 1 and "," not in ranges[0] and "range" not in head.named:
        kept += f"\nRange: {ranges[0]}\r"
    ends = _ends(body.chunked, length)
    return f"{head.method} {path} HTTP/1.1\r\nHost: {_host(where)}\r{kept}{ends}{_VIA}".encode("latin-1")


def response_downstream(head: ResponseHead, request: RequestHead, body: Body, keep: bool) -> bytes:
    """Write the head of a final response to the client that sent ``request``; ``keep``: its connection stays open."""
    told = head.near.get("content-length") if head.status != 204 and not body.chunked else None  # RFC 9110, 8.6
    ends = _ends(body.chunked and request.minor == 1, int(told[0]) if told else None)
    close = "" if keep else "\nConnection: close\r"
    return f"HTTP/1.1 {head.status} {head.phrase}\r{close}{_kept(head)}{ends}{_VIA}".encode("latin-1")


def interim(head: ResponseHead) -> bytes:
    """Write the head of an interim response (1xx)."""
    return f"HTTP/1.1 {head.status} {head.phrase}\r{_kept(head)}{_VIA}".encode("latin-1")


@lru_cache(maxsize=1024)
def _host(where: Where) -> str:
    return str(where).removesuffix(":80")


def _kept(head: RequestHead | ResponseHead) -> str:
    """Give the lines that concern whoever is beyond us."""
    named = head.named
    if named <= _NOT_FAR:
        return head.far
    return "".join(f"\n{name}: {value}\r" for key, name, value in head.fields if key not in NEAR | named)


def _ends(chunked: bool, length: int | None) -> str:
    if chunked:
        return "\nTransfer-Encoding: chunked\r"
    return "" if length is None else f"\nContent-Length: {length}\r"
