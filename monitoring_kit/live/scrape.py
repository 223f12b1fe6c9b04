"""Read one exposition over HTTP or from a file, within limits on size and time."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

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
    import requests

    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ScrapeError(f"{parts.hostname}: credentials in a URL are refused; use a proxy or a file instead")
    deadline = time.monotonic() + timeout
    body = bytearray()
    try:
        with requests.get(url, params=params, stream=True, timeout=timeout, headers={"Accept": accept}) as answer:
            if not answer.ok:
                raise ScrapeError(f"{url}: answered {answer.status_code} {answer.reason}")
            for chunk in answer.iter_content(65536):
                body += chunk
                if len(body) > max_bytes:
                    raise ScrapeError(f"{url}: larger than {max_bytes} bytes")
                if time.monotonic() > deadline:
                    raise ScrapeError(f"{url}: not read within {timeout:g} s")
    except requests.Timeout as error:
        raise ScrapeError(f"{url}: no answer within {timeout:g} s") from error
    except requests.RequestException as error:
        raise ScrapeError(f"{url}: {type(error).__name__}") from error
    return bytes(body)


def _decode(body: bytes, source: str) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScrapeError(f"{source}: not UTF-8 at byte {error.start}") from error
