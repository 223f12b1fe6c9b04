"""Requests, responses and routes, as handlers see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .records import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed HTTP request. Header names are lower case; ``path`` is without the query string."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What a handler answers. ``Content-Length`` and ``Date`` are added; a body given to HEAD is not sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """A handler mounted by an exporter: exact path, one method, and the largest body in bytes it takes (else 413).

    A larger one is refused unread, so the handler never sees it: ``too_large`` is called then, to count it.
    """

    method: str
    path: str
    handler: Handler
    max_body: int = 1 << 20
    too_large: Callable[[], None] | None = None
