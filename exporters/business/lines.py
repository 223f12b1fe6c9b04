"""Sockets that another thread can cut while a driver waits on them."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

from ..runtime import Deadline
from ..runtime.records import dataclass
from .faults import SourceFault

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """TLS towards a source; certificates by file, re-read at every connect."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False

    def context(self) -> ssl.SSLContext:
        """A client context. SourceFault ``connect`` when a file cannot be used."""
        import ssl

        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise SourceFault("connect", f"tls: {error.strerror or type(error).__name__}") from None
        if self.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Cutter:
    """A second handle on a connection's socket, good for cutting it whatever the driver does to its own."""

    def __init__(self, fileno: int) -> None:
        self._socket: socket.socket | None = socket.socket(fileno=os.dup(fileno))

    def cut(self) -> None:
        """End both directions; a blocked read returns."""
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the handle back."""
        sock, self._socket = self._socket, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()


def open_socket(host: str, port: int, unix: str | None, deadline: Deadline) -> socket.socket:
    """A connected stream socket with the time left as its timeout. SourceFault ``connect`` or ``timeout``."""
    left = max(deadline.remaining(), 0.001)
    try:
        if unix:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(left)
            sock.connect(unix)
            return sock
        sock = socket.create_connection((host, port), left)
    except TimeoutError:
        raise SourceFault("timeout", "no connection", lost=True) from None
    except OSError as error:
        raise SourceFault("connect", error.strerror or type(error).__name__, lost=True) from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.settimeout(max(deadline.remaining(), 0.001))
    return sock
