"""HTTP/1.1 on a socket: just what an exporter needs, with limits on everything a client controls."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping

from .http import Request, Response

MAX_HEAD = 16 * 1024
MAX_HEADERS = 64
LINGER_SECONDS = 1.0
LINGER_BYTES = 16 << 20
# What we or a mounted handler answer; http.HTTPStatus costs 2 ms at start.
_PHRASES = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict",
    411: "Length Required", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip


class BadRequest(Exception):
    """The request cannot be served; the connection ends after the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.response = Response(status, text.encode() + b"\n")
        # What was asked for, where that is known.
        self.method = self.path = ""


class Connection:
    """One client connection: reads requests, writes responses. Closed by its owner."""

    def __init__(self, sock: socket.socket, remote: str, idle: float = 120.0, io_timeout: float = 10.0) -> None:
        self.sock = sock
        self.remote = remote
        self.idle = idle
        self.io_timeout = io_timeout
        self._buffer = b""

    def read_head(self) -> tuple[str, str, str, dict[str, str]] | None:
        """Method, target, version and headers of the next request; None when the client is gone or idle too long."""
        if not self._buffer and not self._receive(self.idle):
            return None
        until = time.monotonic() + self.io_timeout
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadRequest(431, "request header too large")
            if not self._receive(until - time.monotonic()):
                return None
        if end > MAX_HEAD:
            raise BadRequest(431, "request header too large")
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return parse_head(head)

    def read_body(self, length: int, expects: bool) -> bytes:
        """Exactly ``length`` bytes of body; BadRequest when the client does not send them in time."""
        if expects:
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        until = time.monotonic() + self.io_timeout
        parts = [self._buffer[:length]]
        have = len(parts[0])
        self._buffer = self._buffer[length:]
        while have < length:
            if not self._receive(until - time.monotonic(), min(65536, length - have)):
                raise BadRequest(408, "request body incomplete")
            parts.append(self._buffer)
            have += len(self._buffer)
            self._buffer = b""
        return b"".join(parts)

    def _receive(self, timeout: float, size: int = 65536) -> bool:
        if timeout <= 0:
            return False
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(size)
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def linger(self) -> None:
        """Let the client read the last answer although it is still sending: what it sends is thrown away for a while.

        Closing at once would reset the connection, and the client would see a broken pipe in place of the 413
        (RFC 9112, 9.6).
        """
        until = time.monotonic() + LINGER_SECONDS
        left = LINGER_BYTES
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while left > 0 and (wait := until - time.monotonic()) > 0:
                self.sock.settimeout(wait)
                data = self.sock.recv(65536)
                if not data:
                    return
                left -= len(data)
        except OSError:
            return

    def write(self, response: Response, extra: Mapping[str, str], keep: bool, head_only: bool) -> None:
        """Send a response. OSError when the client does not take it in time."""
        lines = [
            f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, 'Unknown')}",
            f"Date: {_http_date()}",
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        if response.status != 204:
            lines += (f"Content-Type: {response.content_type}", f"Content-Length: {len(response.body)}")
        lines += (f"{key}: {value}" for key, value in {**extra, **response.headers}.items())
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.sock.settimeout(self.io_timeout)
        if head_only or response.status == 204 or not response.body:
            self.sock.sendall(head)
        elif len(response.body) < 16384:
            self.sock.sendall(head + response.body)
        else:
            # Two writes: copying a large body to join it to its head costs more than a system call.
            self.sock.sendall(head)
            self.sock.sendall(response.body)


def parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    """Request line and headers. BadRequest on anything that two parsers could read in two ways (request smuggling)."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[1].startswith("/"):
        raise BadRequest(400, "malformed request line")
    if parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(505, "HTTP/1.1 only")
    if len(lines) > MAX_HEADERS + 1:
        raise BadRequest(431, "too many headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or "\n" in line or "\r" in line or "\0" in line:
            raise BadRequest(400, "malformed header")
        key = name.lower()
        if key in headers and key in ("content-length", "host", "authorization", "transfer-encoding"):
            raise BadRequest(400, "repeated header")
        value = value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return parts[0], parts[1], parts[2], headers


def body_length(headers: Mapping[str, str], limit: int) -> int:
    """The length of the body that follows; BadRequest when it has none that can be trusted, or too much.

    A request that states neither length nor encoding has no body (RFC 9112, 6.3): `curl -X POST` sends such.
    """
    if "transfer-encoding" in headers:
        raise BadRequest(411, "send Content-Length, not Transfer-Encoding")
    text = headers.get("content-length")
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise BadRequest(400, "malformed Content-Length")
    if int(text) > limit:
        raise BadRequest(413, f"body larger than {limit} bytes")
    return int(text)


def read_request(connection: Connection, limit: Callable[[str, str], int]) -> tuple[Request, bool] | None:
    """The next request and whether the connection may stay open; ``limit(method, path)`` is the largest body taken."""
    head = connection.read_head()
    if head is None:
        return None
    method, target, version, headers = head
    path, _, query = target.partition("?")
    try:
        length = body_length(headers, limit(method, path))
    except BadRequest as error:
        error.method, error.path = method, path
        raise
    expects = headers.get("expect", "").lower() == "100-continue"
    body = connection.read_body(length, expects) if length else b""
    tokens = headers.get("connection", "").lower()
    keep = "close" not in tokens and (version == "HTTP/1.1" or "keep-alive" in tokens)
    return Request(method, path, query, headers, body, connection.remote), keep


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _http_date() -> str:
    # Not strftime: it follows the locale; not email.utils: its import costs 15 ms at start.
    t = time.gmtime()
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
