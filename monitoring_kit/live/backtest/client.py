"""The query side of the Prometheus HTTP API, within limits on time and size.

API: prometheus/docs, "HTTP API": /api/v1/query_range refuses more than 11,000 points for each series.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from monitoring_kit.live.backtest.errors import BacktestError, EvaluationError

MAX_POINTS = 11_000
MAX_ANSWER_BYTES = 512 * 1024 * 1024
_HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "mkit",
}


class Client:
    """One Prometheus; safe to use from several threads, each of which keeps a connection of its own.

    ``token`` is sent as a bearer token. Raises BacktestError for a URL that is none or holds a credential.
    """

    def __init__(self, url: str, *, timeout: float = 120.0, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BacktestError(
                "backtest/unreachable", "--prometheus is no http(s) URL", "write http://prometheus:9090"
            )
        if parts.username or parts.password:
            raise BacktestError(
                "backtest/unreachable", "--prometheus holds a credential, which ends up in logs and shell histories",
                "put the token into a file and name it with --token-file",
            )  # fmt: skip
        self._parts = parts
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._timeout = timeout
        self._headers = {**_HEADERS, **({"Authorization": f"Bearer {token}"} if token else {})}
        self._local = threading.local()

    def query(self, expr: str, at: int) -> list[dict[str, Any]]:
        """An instant query at ``at`` (Unix milliseconds): the vector as the API returns it."""
        data = self._ask("query", {"query": expr, "time": seconds(at), "timeout": f"{self._timeout:g}s"})
        return data["result"] if data["resultType"] in ("vector", "matrix") else []

    def query_range(self, expr: str, start: int, end: int, step: int) -> list[dict[str, Any]]:
        """A range query over at most MAX_POINTS points: the matrix as the API returns it. Milliseconds all."""
        params = {
            "query": expr, "start": seconds(start), "end": seconds(end), "step": seconds(step),
            "timeout": f"{self._timeout:g}s",
        }  # fmt: skip
        return self._ask("query_range", params)["result"]  # type: ignore[no-any-return]

    def metric_names(self, start: int, end: int) -> set[str]:
        """The names of all metrics with a sample between two times; blocks are looked at as a whole."""
        return set(self._ask("label/__name__/values", {"start": seconds(start), "end": seconds(end)}, get=True))

    def has_samples(self, upto: int) -> bool:
        """Whether any sample is as old as ``upto``; blocks are looked at as a whole, which begin with their first sample."""
        # Older servers do not know the limit and answer with all names.
        return bool(self._ask("label/__name__/values", {"start": "0", "end": seconds(upto), "limit": "1"}, get=True))

    def _ask(self, path: str, params: Mapping[str, str], *, get: bool = False) -> Any:
        status, body = self._exchange(f"{self._parts.path.rstrip('/')}/api/v1/{path}", urlencode(params), get)
        try:
            answer = json.loads(body)
            if answer["status"] == "success":
                return answer["data"]
            raise EvaluationError(str(answer.get("errorType", "")), " ".join(str(answer.get("error", "")).split()))
        except (ValueError, KeyError, TypeError):
            raise BacktestError(
                "backtest/unreachable", f"{self.url} answered {status}, and not as the Prometheus HTTP API does",
                "name the address of Prometheus itself, with its path prefix if it has one",
            ) from None  # fmt: skip

    def _exchange(self, path: str, form: str, get: bool) -> tuple[int, bytes]:
        # A kept connection may have been closed by the other side meanwhile: one more try on a new one.
        for fresh in (False, True):
            kept = getattr(self._local, "connection", None)
            connection = kept if kept is not None and not fresh else self._connect()
            try:
                if get:
                    connection.request("GET", f"{path}?{form}", headers=self._headers)
                else:
                    connection.request("POST", path, body=form, headers=self._headers)
                answer = connection.getresponse()
                body = answer.read(MAX_ANSWER_BYTES + 1)
            except TimeoutError:
                self._local.connection = None
                raise EvaluationError("timeout", f"no answer within {self._timeout:g} s") from None
            except (OSError, HTTPException) as error:
                self._local.connection = None
                if kept is not None and not fresh:
                    continue
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise BacktestError(
                    "backtest/unreachable", f"{self.url} cannot be reached: {reason}",
                    "is Prometheus running there, and may this machine reach it?",
                ) from None  # fmt: skip
            return answer.status, self._unpacked(body, answer.headers.get("Content-Encoding", ""))
        raise AssertionError

    def _connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        # Somewhat longer than the server's own limit, so that the server's answer says what took too long.
        self._local.connection = kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout + 5)
        return self._local.connection  # type: ignore[no-any-return]

    def _unpacked(self, body: bytes, encoding: str) -> bytes:
        if encoding == "gzip":
            unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
            body = unpack.decompress(body, MAX_ANSWER_BYTES + 1)
        if len(body) > MAX_ANSWER_BYTES:
            raise EvaluationError("timeout", f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        return body


def seconds(ms: int) -> str:
    """Milliseconds as the API takes them: seconds with three decimals."""
    return f"{ms / 1000:.3f}"
