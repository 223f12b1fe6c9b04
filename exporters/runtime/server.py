"""The listening side: sockets, one thread a connection, bounded requests, graceful end."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .errors import ConfigError
from .http import Request, Response
from .wire import BadRequest, Connection, read_request

log = logging.getLogger(__name__)
BACKLOG = 128


class Security(Protocol):
    """What stands between a socket and the handlers: TLS, rate limit, users, headers."""

    def secure(self, sock: socket.socket) -> socket.socket:
        """The socket to talk on; OSError or ValueError to refuse the client."""

    def guard(self, request: Request) -> Response | None:
        """A refusal, or None to go on."""

    def headers(self) -> dict[str, str]:
        """Headers for every response."""


class Server:
    """An HTTP server over several listening sockets.

    ``refused`` hears method, path ("" when unknown) and status of each request that never reaches ``handle`` because of its form.
    At most ``max_requests`` requests are handled at a time, more get 503; at most four times as many connections are
    open, more are closed unanswered after 503.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        handle: Callable[[Request], Response],
        body_limit: Callable[[str, str], int],
        security: Security,
        max_requests: int = 40,
        refused: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self._sockets = list(sockets)
        self._handle = handle
        self._limit = body_limit
        self._security = security
        self._refused = refused
        self._slots = threading.BoundedSemaphore(max_requests)
        self._max_connections = max_requests * 4
        self._open: dict[socket.socket, bool] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._accept_loop, name="accept", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def stop(self, grace: float = 5.0) -> None:
        """Stop accepting, let requests in flight finish for at most ``grace`` seconds, close everything."""
        self._closing = True
        os.write(self._wake_write, b"x")
        self._thread.join()
        for sock in self._sockets:
            sock.close()
        until = time.monotonic() + grace
        while time.monotonic() < until:
            with self._lock:
                busy = any(self._open.values())
                for sock, active in self._open.items():
                    if not active:
                        _shutdown(sock)
            if not busy:
                break
            time.sleep(0.01)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _accept_loop(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            for sock in self._sockets:
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ)
            while not self._closing:
                for key, _ in selector.select():
                    if isinstance(key.fileobj, socket.socket):
                        self._accept(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            # Out of descriptors: wait for some to come back instead of spinning on the readable listener.
            log.warning("accept failed", extra={"err": error.strerror or type(error).__name__})
            time.sleep(0.05)
            return
        with self._lock:
            full = len(self._open) >= self._max_connections
            if not full:
                self._open[sock] = False
        if full:
            _refuse(sock)
            return
        remote = str(address[0]) if isinstance(address, tuple) else "local"
        threading.Thread(target=self._serve, args=(sock, remote), name="connection", daemon=True).start()

    def _serve(self, raw: socket.socket, remote: str) -> None:
        sock = raw
        try:
            raw.settimeout(10.0)
            if raw.family != socket.AF_UNIX:
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock = self._security.secure(raw)
            self._talk(raw, Connection(sock, remote))
        except (OSError, ValueError) as error:
            log.debug("connection ended", extra={"remote": remote, "err": type(error).__name__})
        finally:
            with self._lock:
                self._open.pop(raw, None)
            with contextlib.suppress(OSError):
                sock.close()

    def _talk(self, raw: socket.socket, connection: Connection) -> None:
        while not self._closing:
            try:
                got = read_request(connection, self._limit)
            except BadRequest as error:
                if self._refused is not None:
                    self._refused(error.method, error.path, error.response.status)
                connection.write(error.response, self._security.headers(), keep=False, head_only=False)
                connection.linger()
                return
            if got is None:
                return
            request, keep = got
            with self._lock:
                self._open[raw] = True
            try:
                response = self._answer(request)
                keep = keep and not self._closing
                connection.write(response, self._security.headers(), keep, request.method == "HEAD")
            finally:
                with self._lock:
                    self._open[raw] = False
            if not keep:
                return

    def _answer(self, request: Request) -> Response:
        if not self._slots.acquire(blocking=False):
            return Response(503, b"too many requests in flight\n", headers={"Retry-After": "1"})
        try:
            return self._security.guard(request) or self._handle(request)
        except Exception as error:
            # Only the type: an exception's text may hold a secret.
            log.error("handler raised", extra={"path": request.path, "err": type(error).__name__})
            return Response(500, b"internal error\n")
        finally:
            self._slots.release()


def _shutdown(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _refuse(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.settimeout(0.1)
        sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    sock.close()


def listen(address: str) -> socket.socket:
    """A listening TCP socket on ``host:port``, ``[v6]:port`` or ``:port`` (every address, both families).

    ConfigError when the address is malformed or cannot be bound.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"--web.listen-address {address!r}: expected host:port")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(f"cannot listen on {address}: {error.strerror or error}") from error


def systemd_sockets() -> list[socket.socket]:
    """The sockets that systemd passed (LISTEN_FDS); ConfigError when there are none for this process."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        raise ConfigError("--web.systemd-socket: systemd passed no socket to this process")
    count = int(os.environ.get("LISTEN_FDS", "0"))
    return [socket.socket(fileno=fd) for fd in range(3, 3 + count)]
