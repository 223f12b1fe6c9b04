"""A container's health check without a shell: ``python -m monitoring_kit.exporters.business.health [URL]``."""

from __future__ import annotations

import http.client
import ssl
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

DEFAULT_URL = "http://127.0.0.1:9641/-/healthy"


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the exporter answers, else 1. 401 counts as an answer: the check has no password, and needs none.

    With ``https://`` the certificate is not verified, because nothing but the status is exchanged with this host.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    url = urlsplit(args[0] if args else DEFAULT_URL)
    host, port = url.hostname or "127.0.0.1", url.port
    try:
        if url.scheme == "https":
            context = ssl._create_unverified_context()  # noqa: S323 - see above
            line: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=3, context=context)
        else:
            line = http.client.HTTPConnection(host, port, timeout=3)
        line.request("GET", url.path or "/-/healthy")
        status = line.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        sys.stderr.write(f"no answer: {type(error).__name__}\n")
        return 1
    return 0 if status in (200, 401) else 1


if __name__ == "__main__":
    raise SystemExit(main())
