"""The web without a configuration file. Apart from ``security`` because that one's imports cost memory."""

from __future__ import annotations

import socket

from .http import Request, Response


class Open:
    """No web configuration: plain HTTP for everyone."""

    def secure(self, sock: socket.socket) -> socket.socket:
        return sock

    def guard(self, request: Request) -> Response | None:
        return None

    def headers(self) -> dict[str, str]:
        return {}
