"""The HTTP server of the demo's own parts: the simulated services and the receivers' capture."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class LoopbackServer(ThreadingHTTPServer):
    """An HTTP server with a thread a request; a client that goes away is no error.

    Prometheus and Alertmanager drop their idle connections when they are stopped, at the end of every demo.
    """

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
