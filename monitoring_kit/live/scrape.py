"""Read one exposition over HTTP or from a file, within limits on size and time."""

from __future__ import annotations

import time
import zlib
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from monitoring_kit.live.exposition import MAX_BYTES

# OpenMetrics first: it carries units. Protobuf is not asked for.
_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.8"


class ScrapeError(Exception):
    """The source could not be read; the message never holds a credential."""


def read_source(source: str, *, timeout: float = 10.0, max_bytes: int = MAX_BYTES) -> str:
    """The text behind an http(s) URL or in a file.

    `timeout` bounds the whole exchange in seconds, `max_bytes` the decompressed text. Raises ScrapeError.
    """
    if source.startswith(("http://", "https://")):
        return _decode(get(source, timeout=timeout, max_bytes=max_bytes, accept=_ACCEPT), source)
    try:
        with Path(source).open("rb") as file:
            body = file.read(max_bytes + 1)
    except OSError as error:
        raise ScrapeError(f"{source}: {error.strerror}") from error
    if len(body) > max_bytes:
        raise ScrapeError(f"{source}: larger than {max_bytes} bytes")
    return _decode(body, source)


def get(
    url: str,
    *,
    timeout: float,
    max_bytes: int,
    accept: str = "*/*",
    params: list[tuple[str, str]] | None = None,
) -> bytes:
    """GET with a bound on size and on total time. Raises ScrapeError, also for any status but 2xx.

    Credentials in the URL are refused: they would end up in logs and in shell histories.
    """
    import urllib.error
    import urllib.request

    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ScrapeError(f"{parts.hostname}: credentials in a URL are refused; use a proxy or a file instead")
    deadline = time.monotonic() + timeout
    query = f"?{urlencode(params)}" if params else ""
    headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": "mkit"}
    try:
        request = urllib.request.Request(url + query, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            return _body(answer, url, deadline, timeout, max_bytes)
    except urllib.error.HTTPError as error:
        raise ScrapeError(f"{url}: answered {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise ScrapeError(f"{url}: no answer within {timeout:g} s") from error
    except urllib.error.URLError as error:
        cause = error.reason if isinstance(error.reason, OSError) else error
        if isinstance(cause, TimeoutError):
            raise ScrapeError(f"{url}: no answer within {timeout:g} s") from error
        raise ScrapeError(f"{url}: {getattr(cause, 'strerror', None) or error.reason}") from error
    except (OSError, HTTPException, ValueError, zlib.error) as error:
        raise ScrapeError(f"{url}: {type(error).__name__}: {error}") from error


def _body(answer: HTTPResponse, url: str, deadline: float, timeout: float, max_bytes: int) -> bytes:
    packed = answer.headers.get("Content-Encoding", "") == "gzip"
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    body = bytearray()
    # read1 returns what is there: a server that drips cannot hold us beyond the deadline.
    while chunk := answer.read1(65536):
        # Unpacking stops one byte over the limit, however much a small answer would become.
        body += unpack.decompress(chunk, max_bytes + 1 - len(body)) if packed else chunk
        if len(body) > max_bytes:
            raise ScrapeError(f"{url}: larger than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise ScrapeError(f"{url}: not read within {timeout:g} s")
    return bytes(body)


def _decode(body: bytes, source: str) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScrapeError(f"{source}: not UTF-8 at byte {error.start}") from error
