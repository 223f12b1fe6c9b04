"""Datagram sockets: the client's unix socket, and StatsD lines over unix or UDP."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from ..runtime import ConfigError

log = logging.getLogger(__name__)

MAX_DATAGRAM = 1 << 18
_CREDENTIALS = struct.Struct("3i")
_SPACE = socket.CMSG_SPACE(_CREDENTIALS.size) if hasattr(socket, "CMSG_SPACE") else 0
Handler = Callable[[bytes, int], None]


class DatagramServer:
    """One socket read by one thread, over reloads: ``handle`` may be replaced while it runs.

    It gets each datagram and the sender's pid (0 when unknown). One that is too long arrives as a single zero byte.
    """

    def __init__(self, sock: socket.socket, path: Path | None = None) -> None:
        self._socket = sock
        self.handle: Handler | None = None
        self._path = path
        self._inode = os.stat(path).st_ino if path else 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Begin to read, once there is a ``handle``."""
        if not self._thread.is_alive():
            self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            try:
                data, ancillary, flags, _ = self._socket.recvmsg(MAX_DATAGRAM, _SPACE)
            except TimeoutError:
                continue
            except OSError:
                return
            if data:
                self._safely(b"\0" if flags & socket.MSG_TRUNC else data, _pid(ancillary))

    def _safely(self, data: bytes, pid: int) -> None:
        handle = self.handle
        try:
            if handle is not None:
                handle(data, pid)
        except Exception as error:
            # One datagram must not end the intake.
            log.error("datagram failed", extra={"err": type(error).__name__})

    def close(self) -> None:
        """Stop reading and remove the socket, unless another process has put its own there."""
        self._stopped = True
        if self._thread.is_alive():
            self._thread.join(2)
        self._socket.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                if os.stat(self._path).st_ino == self._inode:
                    os.unlink(self._path)


def _pid(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", 2) and len(data) >= 12:
            pid: int = _CREDENTIALS.unpack(data[:12])[0]
            return pid
    return 0


def unix_socket(path: Path, mode: int = 0o660) -> socket.socket:
    """A bound datagram socket at ``path``, replacing one that is there, with the kernel's word on who sends.

    It appears under its name only with its mode set. ConfigError when the place is unusable.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        _only_a_socket(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        sock.bind(os.fspath(fresh))
        os.chmod(fresh, mode)
        os.replace(fresh, path)
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise ConfigError(f"socket {path}: {reason}") from None
    # Linux only; elsewhere the sender's pid stays unknown.
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_PASSCRED", 16), 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.settimeout(0.25)
    return sock


def _only_a_socket(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise ConfigError(f"socket {path}: there is something else at that path")


def udp_socket(host: str, port: int) -> socket.socket:
    """A bound UDP socket. ConfigError when the address is taken or unknown."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, proto)
        sock.bind(address)
    except OSError as error:
        raise ConfigError(f"statsd {host}:{port}: {error.strerror or type(error).__name__}") from None
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.settimeout(0.25)
    return sock


def decode(data: bytes) -> object:
    """A datagram's JSON; None when it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
