"""Redis by redis-py: allow-listed commands over one connection that other threads can cut."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from typing import Any

from ..runtime import Deadline
from .dsn import Address, Dsn
from .faults import SourceFault, scrub
from .lines import Cutter, TlsConfig
from .redistext import commands, fill_now, uses_now
from .table import Ask, Canceller, Table

_LABEL = "key"


def _fault(error: Exception, secrets: tuple[str, ...]) -> SourceFault:
    import redis

    text = scrub(error, secrets)
    if isinstance(error, (redis.AuthenticationError, redis.exceptions.AuthenticationWrongNumberOfArgsError)):
        return SourceFault("auth", text, lost=True)
    if isinstance(error, redis.exceptions.NoPermissionError):
        return SourceFault("permission", text)
    if isinstance(error, redis.TimeoutError):
        return SourceFault("timeout", text, lost=True)
    if isinstance(error, (redis.ConnectionError, OSError)) and not isinstance(error, redis.exceptions.BusyLoadingError):
        # Redis answers a refused login with several kinds of errors.
        return SourceFault("auth" if "WRONGPASS" in text or "NOAUTH" in text else "connect", text, lost=True)
    return SourceFault("query", text)


class RedisConnection:
    """One connection."""

    def __init__(self, raw: Any, dsn: Dsn) -> None:
        self._raw = raw
        self._dsn = dsn
        self._cutter = Cutter(raw._sock.fileno())

    def run(self, ask: Ask, timeout: float) -> Table:
        import redis

        try:
            found = commands(ask.query)
            now = int(self._ask("TIME")[0]) if uses_now(ask.query) else 0
            if None in found:
                return self._single(*found[None], ask, now)
            rows = [(label, self._value(name, args, ask, now)) for label, (name, args) in found.items()]
        except (redis.RedisError, OSError, ValueError) as error:
            raise _fault(error, self._dsn.secrets) from None
        return Table((_LABEL, "value"), rows)

    def _ask(self, name: str, *args: str) -> Any:
        self._raw.send_command(*name.split(), *args)
        return self._raw.read_response()

    def _single(self, name: str, args: list[str], ask: Ask, now: int) -> Table:
        if name != "HGETALL":
            return Table(("value",), [(self._value(name, args, ask, now),)])
        # A hash's size is asked first: HGETALL itself knows no limit.
        if int(self._ask("HLEN", *args)) > ask.max_rows:
            return Table((_LABEL, "value"), [(None, None)] * (ask.max_rows + 1))
        answer = self._ask(name, *args)
        pairs = answer.items() if isinstance(answer, Mapping) else zip(answer[::2], answer[1::2], strict=True)
        return Table((_LABEL, "value"), [(_text(field), _text(value)) for field, value in pairs])

    def _value(self, name: str, args: list[str], ask: Ask, now: int) -> Any:
        answer = self._ask(name, *[fill_now(arg, now) for arg in args])
        if name == "INFO":
            return _info(_text(answer), str(ask.extra.get("field")))
        if name in ("TTL", "PTTL") and int(answer) < 0:
            # -2 no such key, -1 no expiry: sentinels, not times.
            return None
        return _text(answer)

    def canceller(self) -> Canceller:
        """Redis cannot stop a command; those allowed are quick."""
        return Canceller()

    def abort(self) -> None:
        self._cutter.cut()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._raw.disconnect()
        self._cutter.close()


def _text(answer: Any) -> Any:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


def _info(answer: str, field: str) -> str:
    for line in answer.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value
    raise SourceFault("columns", f"INFO has no line {field}")


class RedisDriver:
    """Connects to a Redis server."""

    def __init__(self, address: Address, tls: TlsConfig | None = None) -> None:
        self._address = address
        self._tls = tls

    def connect(self, deadline: Deadline) -> RedisConnection:
        import redis

        dsn = self._address.resolve()
        raw = self._make(dsn, deadline)
        try:
            with _cut_at(deadline, raw):
                raw.connect()
            return RedisConnection(raw, dsn)
        except (redis.RedisError, OSError) as error:
            if deadline.expired:
                raise SourceFault("timeout", "no connection", lost=True) from None
            raise _fault(error, dsn.secrets) from None

    def _make(self, dsn: Dsn, deadline: Deadline) -> Any:
        import redis.connection

        # Typed as Any: the library's own hints for these classes are incomplete.
        kinds: Any = redis.connection

        left = max(deadline.remaining(), 0.001)
        common: dict[str, Any] = {
            "username": dsn.user or None,
            "password": dsn.password or None,
            "db": int(dsn.database) if dsn.database.isdigit() else 0,
            "protocol": 2,
            "socket_timeout": None,
            "socket_connect_timeout": left,
            "client_name": "mkit-exporter-business",
        }
        if dsn.scheme == "unix":
            return kinds.UnixDomainSocketConnection(path="/" + dsn.database.lstrip("/"), **{**common, "db": 0})
        common.update(host=dsn.host or "localhost", port=dsn.port or 6379)
        if dsn.scheme == "redis" and self._tls is None:
            return kinds.Connection(**common)
        tls = self._tls or TlsConfig()
        return kinds.SSLConnection(
            **common,
            ssl_ca_certs=tls.ca_file,
            ssl_certfile=tls.cert_file,
            ssl_keyfile=tls.key_file,
            ssl_cert_reqs="none" if tls.insecure_skip_verify else "required",
            ssl_check_hostname=not tls.insecure_skip_verify,
        )


@contextlib.contextmanager
def _cut_at(deadline: Deadline, raw: Any) -> Any:
    """The login has no timeout of its own: end it at the deadline."""

    def cut() -> None:
        sock = raw._sock
        if sock is not None:
            cutter = Cutter(sock.fileno())
            cutter.cut()
            cutter.close()

    timer = threading.Timer(max(deadline.remaining(), 0.001), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
