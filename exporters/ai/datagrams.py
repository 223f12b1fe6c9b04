"""Datagram sockets: the client's unix socket, and StatsD lines over unix or UDP."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..runtime import ConfigError
from ..runtime.claim import Claim
from ..runtime.folders import make_folder

log = logging.getLogger(__name__)

MAX_DATAGRAM = 1 << 18
# How often a socket looks whether it is still at its path.
LOOK_SECONDS = 1.0
_CREDENTIALS = struct.Struct("3i")
_SPACE = socket.CMSG_SPACE(_CREDENTIALS.size) if hasattr(socket, "CMSG_SPACE") else 0
Handler = Callable[[bytes, int], None]


class DatagramServer:
    """One socket read by one thread, over reloads: ``handle`` may be replaced while it runs.

    It gets each datagram and the sender's pid (0 when unknown). One that is too long arrives as a single zero byte.
    ``watch`` hears every second whether new clients find the socket: 1, or 0 when its file was removed or replaced. Connected
    ones hold the socket itself and are heard all the same.
    """

    def __init__(self, sock: socket.socket, path: Path | None = None) -> None:
        self._socket = sock
        self.handle: Handler | None = None
        self.watch: Callable[[float], None] | None = None
        self._path = path
        self._file = _identity(path)
        self._missed = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Begin to read, once there is a ``handle``."""
        if not self._thread.is_alive():
            self._thread.start()

    @property
    def in_place(self) -> bool:
        """Whether the socket's file is still its own; always for UDP. The inode cannot be another's while it is open."""
        return self._path is None or (self._file is not None and self._file == _identity(self._path))

    def set_mode(self, mode: int) -> None:
        """Who may send."""
        if self._path is not None and self.in_place:
            with contextlib.suppress(OSError):
                os.chmod(self._path, mode)

    def rebind(self, sock: socket.socket) -> None:
        """Go on with a socket that was bound anew at the path; what waits in the old one is read first."""
        old, self._socket, self._file = self._socket, sock, _identity(self._path)
        if not self._thread.is_alive():
            old.close()

    def _run(self) -> None:
        sock, look_at = self._socket, 0.0
        while not self._stopped:
            if sock is not self._socket:
                # Closed here, where nobody is reading from it; a client that is connected to it connects anew then.
                sock.settimeout(0)
                while self._receive(sock):
                    pass
                sock.close()
                sock = self._socket
            if (now := time.monotonic()) >= look_at:
                look_at = now + LOOK_SECONDS
                self._look()
            try:
                self._receive(sock)
            except OSError:
                return

    def _receive(self, sock: socket.socket) -> bool:
        """Handle one datagram; False when there is none in time."""
        try:
            data, ancillary, flags, _ = sock.recvmsg(MAX_DATAGRAM, _SPACE)
        except (TimeoutError, BlockingIOError):
            return False
        if data:
            self._safely(b"\0" if flags & socket.MSG_TRUNC else data, _pid(ancillary))
        return True

    def _look(self) -> None:
        missed = not self.in_place
        if missed and not self._missed:
            log.error("the socket's file was removed or replaced: new clients do not find it, those already connected go on being heard; a reload binds it anew",
                      extra={"path": str(self._path)})  # fmt: skip
        self._missed = missed
        if self.watch is not None:
            self.watch(0.0 if missed else 1.0)

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
        # Before the socket is closed: afterwards another file may get the inode.
        if self._path is not None and self.in_place:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        self._socket.close()


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Device and inode of what is at ``path``, None when there is nothing."""
    try:
        found = os.lstat(path) if path is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found is not None else None


def _pid(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", 2) and len(data) >= 12:
            pid: int = _CREDENTIALS.unpack(data[:12])[0]
            return pid
    return 0


def socket_folder(path: Path, key: str) -> None:
    """Make the folder of a socket where it is missing. ``key`` is the configuration's (`ingest.unix`). ConfigError when no
    socket can be there."""
    if cause := make_folder(path):
        raise ConfigError(f"socket {path}: {cause}, or {_set(key)}")


def _set(key: str) -> str:
    return f"set another path at `{key}` (in a spec: exporters.ai.{key})"


def claim_socket(path: Path, key: str) -> Claim:
    """The right to bind at ``path``; ConfigError, and the socket that is there untouched, when a live process has it.

    A socket file that a dead process left is free. Its folder is there (``socket_folder``).
    """
    other = f"give this one a socket of its own (`{key}`)"
    claim = Claim(path, "socket", other)
    # Not everybody who reads a socket has our lock: an exporter whose lock file was removed, or another program.
    if _somebody_reads(path):
        claim.close()
        raise ConfigError(f"socket {path}: another process reads it; stop that one, or {other}")
    return claim


def _somebody_reads(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError as error:
            # Of another type, so there is one; a file without a reader refuses.
            return error.errno == errno.EPROTOTYPE
    return True


def unix_socket(path: Path, mode: int = 0o660, key: str = "ingest.unix") -> socket.socket:
    """A bound datagram socket at ``path``, replacing one that is there, with the kernel's word on who sends.

    It appears under its name only with its mode set. ConfigError when the place is unusable.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        _only_a_socket(path, key)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        sock.bind(os.fspath(fresh))
        os.chmod(fresh, mode)
        os.replace(fresh, path)
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise ConfigError(f"socket {path}: no socket can be made there ({reason}): {_set(key)}") from None
    # Linux only; elsewhere the sender's pid stays unknown.
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_PASSCRED", 16), 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.settimeout(0.25)
    return sock


def _only_a_socket(path: Path, key: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise ConfigError(f"socket {path}: there is something else at that path: move it away, or {_set(key)}")


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
