"""HTTP JSON by the standard library: one fixed address, no redirects, no proxies, a size cap, JMESPath for the rows."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..runtime import Deadline
from ..runtime.records import replace
from .config_sources import HttpConfig
from .dsn import Address, Dsn, read_secret
from .faults import SourceFault, scrub
from .lines import Cutter, TlsConfig, open_socket
from .table import Ask, Canceller, Table

# Several metrics of one document make one request.
SHARED_SECONDS = 1.0
_NOTHING = "the expression gave null: are the document's keys still called so?"


class HttpConnection:
    """A keep-alive connection to the source's host."""

    def __init__(self, driver: HttpDriver, dsn: Dsn, deadline: Deadline) -> None:
        self._driver = driver
        self._dsn = dsn
        self._http = driver.dial(dsn, deadline)
        self._cutter = Cutter(self._http.sock.fileno())
        self._documents: dict[str, tuple[float, Any]] = {}

    def run(self, ask: Ask, timeout: float) -> Table:
        age, document = self._document(str(ask.extra.get("path", "")))
        import jmespath

        try:
            found = _compiled(str(ask.query)).search(document)
        except jmespath.exceptions.JMESPathError as error:
            raise SourceFault("query", scrub(error, ())) from None
        return replace(_table(found), age=age)

    def _document(self, path: str) -> tuple[float, Any]:
        """The document, and how many seconds ago it was read."""
        now = time.monotonic()
        at, document = self._documents.get(path, (now - SHARED_SECONDS, None))
        if now - at < SHARED_SECONDS:
            return now - at, document
        body = self._get(path)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise SourceFault("response", "the answer is not JSON") from None
        self._documents = {path: (time.monotonic(), document)}
        return 0.0, document

    def _get(self, path: str) -> bytes:
        limit = self._driver.http.max_bytes
        headers = self._driver.headers(self._dsn)
        try:
            self._http.request("GET", self._target(path), headers=headers)
            response = self._http.getresponse()
            if response.status not in self._driver.http.statuses:
                raise _refused(response.status)
            body = response.read(limit + 1)
        except (OSError, http.client.HTTPException) as error:
            raise SourceFault("connect", f"no answer ({type(error).__name__})", lost=True) from None
        if len(body) > limit:
            raise SourceFault("too_large", f"the answer is larger than {limit} bytes", spent=True)
        return body

    def _target(self, path: str) -> str:
        base = "/" + self._dsn.database
        target = base.rstrip("/") + "/" + path.lstrip("/") if path else base
        query = "&".join(f"{name}={value}" for name, value in self._dsn.options.items())
        return f"{target}?{query}" if query else target

    def canceller(self) -> Canceller:
        """HTTP has no way to stop a request but to hang up."""
        return Canceller()

    def abort(self) -> None:
        self._cutter.cut()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._http.close()
        self._cutter.close()


class HttpDriver:
    """Connects to the host of the source's URL."""

    def __init__(self, address: Address, tls: TlsConfig | None = None, http: HttpConfig | None = None) -> None:
        self._address = address
        self._tls = tls
        self.http = http or HttpConfig()

    def connect(self, deadline: Deadline) -> HttpConnection:
        return HttpConnection(self, self._address.resolve(), deadline)

    def dial(self, dsn: Dsn, deadline: Deadline) -> http.client.HTTPConnection:
        """A connected HTTPConnection."""
        secure = dsn.scheme == "https"
        port = dsn.port or (443 if secure else 80)
        sock = open_socket(dsn.host, port, None, deadline)
        made = http.client.HTTPConnection(dsn.host, port)
        # After an answer that ends the connection the library would make one by itself: without TLS, and without a limit.
        made.auto_open = 0
        made.sock = self._wrapped(sock, dsn, deadline) if secure else sock
        made.sock.settimeout(None)
        return made

    def _wrapped(self, sock: socket.socket, dsn: Dsn, deadline: Deadline) -> socket.socket:
        tls = self._tls or TlsConfig()
        cutter = Cutter(sock.fileno())
        timer = threading.Timer(max(deadline.remaining(), 0.001), cutter.cut)
        timer.daemon = True
        timer.start()
        try:
            return tls.context().wrap_socket(sock, server_hostname=tls.server_name or dsn.host)
        except (OSError, ValueError) as error:
            sock.close()
            if deadline.expired:
                raise SourceFault("timeout", "no TLS handshake", lost=True) from None
            reason = getattr(error, "verify_message", "") or type(error).__name__
            raise SourceFault("connect", f"tls: {reason}", lost=True) from None
        finally:
            timer.cancel()
            cutter.close()

    def headers(self, dsn: Dsn) -> dict[str, str]:
        """Request headers; the credentials are read anew each time."""
        out = {"Accept": "application/json", "User-Agent": "mkit-exporter-business", **self.http.headers}
        if self.http.bearer_file:
            out["Authorization"] = f"Bearer {read_secret(self.http.bearer_file, 'bearer_file')}"
        elif dsn.user:
            import base64

            out["Authorization"] = "Basic " + base64.b64encode(f"{dsn.user}:{dsn.password}".encode()).decode()
        for name, file in self.http.header_files.items():
            out[name] = read_secret(file, "header_files")
            if not out[name].isascii() or not out[name].isprintable():
                # Else the library refuses it, in words that hold it.
                raise SourceFault("connect", f"header_files {file}: holds what no header may hold")
        return out


def _refused(status: int) -> SourceFault:
    if status == 401:
        text = "HTTP status 401: look at bearer_file, header_files, or the URL's user and password"
        return SourceFault("auth", text, spent=True)
    return SourceFault("permission" if status == 403 else "response", f"HTTP status {status}", spent=True)


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Any:
    import jmespath

    return jmespath.compile(expression)


def _table(found: Any) -> Table:
    """Rows from what the expression gave: a scalar is one value, a list of mappings one row each."""
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list):
        return Table(("value",), [(found,)], note=_NOTHING if found is None else "")
    if not all(isinstance(row, Mapping) for row in found):
        raise SourceFault("columns", "the expression must give a number, or a list of {label: ..., value: ...}")
    columns = tuple(dict.fromkeys(str(key) for row in found for key in row))
    if not columns:
        return Table((), [])
    return Table(columns, [tuple(row.get(column) for column in columns) for row in found])
