"""The ``sources`` of the configuration."""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Any

from ..runtime.records import dataclass, field
from . import fields as read
from .dsn import Address, parse_dsn
from .fields import Fields, Mistake
from .lines import TlsConfig
from .zones import zone

KINDS = ("mysql", "mariadb", "postgresql", "sqlite", "redis", "http")
SQL_DIALECT = {"mysql": "mysql", "mariadb": "mysql", "postgresql": "postgresql", "sqlite": "sqlite"}
# RFC 9110, 5.6.2: a token.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HTTP_KEYS = ("statuses", "max_bytes", "bearer_file", "headers", "header_files")


@dataclass(frozen=True)
class HttpConfig:
    """What only HTTP sources have. ``statuses`` are the answers accepted; a bearer token and headers that are secrets come from files."""

    statuses: tuple[int, ...] = (200,)
    max_bytes: int = 1 << 20
    bearer_file: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    header_files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceConfig:
    """One source. ``timeout`` (seconds) and ``max_rows`` hold for its metrics unless these set their own."""

    name: str
    kind: str
    address: Address
    timeout: float = 2.0
    max_rows: int = 500
    zone: tzinfo | None = None
    tls: TlsConfig | None = None
    http: HttpConfig = HttpConfig()

    @property
    def dialect(self) -> str | None:
        """The SQL dialect; None for Redis and HTTP."""
        return SQL_DIALECT.get(self.kind)


def read_source(name: str, body: Any, errors: list[Mistake]) -> SourceConfig | None:
    """One entry of ``sources``; None after recording that it cannot be used."""
    before = len(errors)
    here = Fields(body, ("sources", name), errors)
    kind = here.need("kind", read.choice(*KINDS))
    address = _address(here, kind)
    source = SourceConfig(
        name,
        kind or "",
        address,
        timeout=here.get("timeout", 2.0, read.span(0.01, 600)),
        max_rows=here.get("max_rows", 500, read.whole(1, 1_000_000)),
        zone=here.get("time_zone", None, lambda value: zone(read.text(value))),
        tls=_tls(here),
        http=_http(here) if kind == "http" else HttpConfig(),
    )
    here.done()
    return source if len(errors) == before else None


def _address(here: Fields, kind: str | None) -> Address:
    url = here.get("url", None, read.text)
    dsn_file = here.get("dsn_file", None, read.text)
    password_file = here.get("password_file", None, read.text)
    # One that is there but wrong has its own mistake already.
    if (here.raw("url") is None) == (here.raw("dsn_file") is None):
        here.error("", "needs either dsn_file (a file that holds the URL) or url (without password)")
    if url is not None and kind is not None:
        try:
            dsn = parse_dsn(url, kind)
        except ValueError as error:
            here.error("url", str(error))
        else:
            if dsn.password:
                here.error("url", "must not hold a password; put the URL into a file and name it as dsn_file")
            if kind == "sqlite" and not dsn.database:
                here.error("url", "names no file; write sqlite:////var/lib/shop.db (four slashes: an absolute path)")
    return Address(kind or "", url, dsn_file, password_file)


def _tls(here: Fields) -> TlsConfig | None:
    body = here.raw("tls")
    if body is None or body is False:
        return None
    inner = Fields({} if body is True else body, (*here.path, "tls"), here.errors)
    tls = TlsConfig(
        ca_file=inner.get("ca_file", None, read.text),
        cert_file=inner.get("cert_file", None, read.text),
        key_file=inner.get("key_file", None, read.text),
        server_name=inner.get("server_name", None, read.text),
        insecure_skip_verify=inner.get("insecure_skip_verify", False, read.flag),
    )
    inner.done()
    return tls


def _http(here: Fields) -> HttpConfig:
    headers = Fields(here.raw("headers"), (*here.path, "headers"), here.errors)
    for name in headers.data:
        if name.lower() in ("authorization", "cookie", "proxy-authorization"):
            headers.error(name, "is a secret; use bearer_file or header_files")
    files = Fields(here.raw("header_files"), (*here.path, "header_files"), here.errors)
    for group in (headers, files):
        for name in group.data:
            if not _HEADER.fullmatch(name):
                group.error(name, "is no header's name: letters, digits and `-`")
    return HttpConfig(
        statuses=here.get("statuses", (200,), _statuses),
        max_bytes=here.get("max_bytes", 1 << 20, read.size),
        bearer_file=here.get("bearer_file", None, read.text),
        headers={name: headers.get(name, "", read.text) for name in headers.data},
        header_files={name: files.get(name, "", read.text) for name in files.data},
    )


def _statuses(value: Any) -> tuple[int, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(read.whole(100, 599)(status) for status in listed)
