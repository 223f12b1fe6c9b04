"""What stands between the network and the handlers, from a web configuration that is re-read when its files change."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .http import Request, Response
from .webconfig import WebConfig, load_web_config

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)
# The bcrypt hash of a random text: an unknown user costs the same time as a known one.
_NOBODY = "$2b$10$hbrvDkIVP2Z9DyuNQ9cV.eOUArhGFizmRXdB4Q9YOp6covYhYtjru"
_STAMP = tuple[tuple[str, int, int, int], ...]


class TokenBucket:
    """At most one request per ``interval`` seconds on average, ``burst`` at once; interval 0 lets everything pass."""

    def __init__(self, interval: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._burst = float(burst)
        self._tokens = float(burst)
        self._clock = clock
        self._last = clock()
        self._lock = threading.Lock()

    def allow(self) -> bool:
        if self._interval <= 0:
            return True
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._last) / self._interval)
            self._last = now
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True


class BasicAuth:
    """Checks passwords against bcrypt hashes: one check at a time, results cached (at most 100, hashed)."""

    def __init__(self) -> None:
        try:
            import bcrypt
        except ImportError:
            raise ConfigError(
                "basic_auth_users is set but bcrypt is not installed: pip install 'monitoring-kit[exporter]'"
            ) from None
        self._checkpw: Any = bcrypt.checkpw
        self._cache: dict[bytes, bool] = {}
        self._lock = threading.Lock()

    def allows(self, users: dict[str, str], header: str) -> bool:
        """Whether an ``Authorization`` header names a user and its password."""
        kind, _, encoded = header.partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if not colon:
            return False
        digest = users.get(name, _NOBODY)
        return self._matches(name, digest, password) and name in users

    def _matches(self, name: str, digest: str, password: str) -> bool:
        parts = (name, digest, password)
        key = hashlib.sha256(b"".join(hashlib.sha256(part.encode()).digest() for part in parts)).digest()
        with self._lock:
            cached = self._cache.get(key)
            if cached is None:
                cached = self._check(password, digest)
                if len(self._cache) >= 100:
                    self._cache.pop(next(iter(self._cache)))
                self._cache[key] = cached
            return cached

    def _check(self, password: str, digest: str) -> bool:
        try:
            # bcrypt reads 72 bytes; newer releases refuse more instead of cutting.
            return bool(self._checkpw(password.encode()[:72], digest.encode()))
        except ValueError:
            return False


class Guarded:
    """A web configuration file in force. A change that cannot be used keeps the last good one and is logged once.

    ``told`` hears of each change whether it can be used.
    """

    def __init__(self, path: Path, told: Callable[[bool], None] = lambda usable: None) -> None:
        self._path = path
        self._told = told
        # The certificates that the file names, also when they are what cannot be used: their repair must be seen.
        self._files: tuple[Path, ...] = ()
        self._lock = threading.Lock()
        self._config: WebConfig
        self._context: ssl.SSLContext | None
        self._auth: BasicAuth | None = None
        self._tls_at_start: bool | None = None
        self._stamp: _STAMP = ()
        self._load()
        self._tls_at_start = self._context is not None
        self._bucket = TokenBucket(self._config.interval, self._config.burst)

    def _load(self) -> None:
        config = load_web_config(self._path)
        self._files = config.tls.files if config.tls else ()
        context = None
        if config.tls is not None:
            from .tls import server_context

            context = server_context(config.tls)
        if self._tls_at_start is not None and self._tls_at_start != (context is not None):
            raise ConfigError(f"{self._path}: TLS cannot be switched on or off without a restart")
        if config.users and self._auth is None:
            self._auth = BasicAuth()
        self._config, self._context = config, context
        self._stamp = self._stat()

    def _stat(self) -> _STAMP:
        out = []
        for path in (self._path, *self._files):
            try:
                stat = path.stat()
                out.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
            except OSError:
                out.append((str(path), 0, 0, 0))
        return tuple(out)

    def _current(self) -> WebConfig:
        with self._lock:
            stamp = self._stat()
            if stamp != self._stamp:
                files = self._files
                try:
                    self._load()
                    self._told(True)
                    log.info("web configuration re-read")
                except ConfigError as error:
                    # As it was before it was read, so that what has changed meanwhile is seen; of other files than before
                    # that is not known.
                    self._stamp = stamp if files == self._files else self._stat()
                    self._told(False)
                    log.error("web configuration not usable, the last good one stays", extra={"err": str(error)})
            return self._config

    def secure(self, sock: socket.socket) -> socket.socket:
        config = self._current()
        if config.tls is None or self._context is None:
            return sock
        from .tls import handshake

        return handshake(self._context, sock, config.tls.client_allowed_sans)

    def guard(self, request: Request) -> Response | None:
        config = self._current()
        if not self._bucket.allow():
            return Response(429, b"rate limit\n", headers={"Retry-After": "1"})
        if not config.users:
            return None
        if self._auth is not None and self._auth.allows(dict(config.users), request.headers.get("authorization", "")):
            return None
        return Response(401, b"Unauthorized\n", headers={"WWW-Authenticate": "Basic"})

    def headers(self) -> dict[str, str]:
        return dict(self._config.headers)
