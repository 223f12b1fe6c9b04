"""The exporter's site: which path answers what."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .app import Exporter, ExporterApp
from .collector import ScrapeFailed
from .deadline import Deadline
from .errors import ExpositionError
from .flight import Singleflight
from .gather import Gathered
from .http import Request, Response, Route
from .negotiate import Format, accepts_gzip, negotiate
from .packing import Packer
from .records import dataclass
from .renderer import Renderer

log = logging.getLogger(__name__)
_GET = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """The flags that concern the site. Times in seconds."""

    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    scrape_timeout: float = 10.0
    timeout_offset: float = 0.5
    strict: bool = False


class Site:
    """Answers requests from the exporter in force; ``exporter`` is replaced on a reload."""

    def __init__(
        self, app: ExporterApp, exporter: Exporter, options: SiteOptions, reload: Callable[[], str | None]
    ) -> None:
        self.app = app
        self.exporter = exporter
        self._options = options
        self._reload = reload
        self._flights: Singleflight[Response] = Singleflight()
        self._renderer: Renderer[Response] = Renderer()
        self._packers: dict[str, Packer] = {}
        self.listening = False

    def body_limit(self, method: str, path: str) -> int:
        """The largest body that the route takes; 0 where none is expected."""
        route = self._route(method, path)
        return route.max_body if route else 0

    def refused(self, method: str, path: str, status: int) -> None:
        """A request was answered with ``status`` before it was read; the route counts what was too large for it."""
        route = self._route(method, path)
        if status == 413 and route is not None and route.too_large is not None:
            route.too_large()

    def _route(self, method: str, path: str) -> Route | None:
        return next((r for r in self.exporter.routes if r.method == method and r.path == path), None)

    def handle(self, request: Request) -> Response:
        """The response to any request."""
        route = self._route(request.method, request.path)
        if route is not None:
            return route.handler(request)
        allowed = self._methods(request.path)
        if not allowed:
            return Response(404, b"not found\n")
        if request.method not in allowed:
            return Response(405, b"method not allowed\n", headers={"Allow": ", ".join(allowed)})
        return self._own(request)

    def _methods(self, path: str) -> tuple[str, ...]:
        if path in ("/", "/-/healthy", "/-/ready", self._options.telemetry_path):
            return _GET
        if path == "/-/reload":
            return ("POST",)
        return tuple(route.method for route in self.exporter.routes if route.path == path)

    def _own(self, request: Request) -> Response:
        if request.path == self._options.telemetry_path:
            return self.metrics(request)
        if request.path == "/-/healthy":
            return Response(200, f"{self.app.name} is healthy\n".encode())
        if request.path == "/-/ready":
            return self._ready()
        if request.path == "/-/reload":
            return self._do_reload()
        from .pages import landing

        page = landing(self.app, self._options.telemetry_path, self.exporter.registry.workers)
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return Response(200, page, "text/html; charset=utf-8", {"Content-Security-Policy": policy})

    def _ready(self) -> Response:
        why = None if self.listening else "starting or stopping"
        why = why or self.exporter.ready()
        return Response(503, f"not ready: {why}\n".encode()) if why else Response(200, b"ready\n")

    def _do_reload(self) -> Response:
        if not self._options.enable_lifecycle:
            return Response(403, b"lifecycle API is not enabled (--web.enable-lifecycle)\n")
        fault = self._reload()
        if fault is None:
            return Response(200, b"reloaded\n")
        return Response(500, f"failed to reload, the running configuration stays: {fault}\n".encode())

    def deadline(self, request: Request) -> Deadline:
        """The scrape's deadline: our own timeout, or Prometheus' timeout minus the offset when that is sooner."""
        options = self._options
        try:
            told = float(request.headers.get("x-prometheus-scrape-timeout-seconds", ""))
        except ValueError:
            told = 0.0
        if not 0.0 < told < float("inf"):
            return Deadline.after(options.scrape_timeout)
        # An offset above half the timeout would leave no time to collect.
        return Deadline.after(min(options.scrape_timeout, max(told - options.timeout_offset, told / 2)))

    def metrics(self, request: Request) -> Response:
        """One scrape."""
        chosen = negotiate(request.headers.get("accept", ""))
        gzip = accepts_gzip(request.headers.get("accept-encoding", ""))
        exporter = self.exporter
        return self._flights.do(
            (id(exporter), chosen.content_type, gzip),
            self.deadline(request),
            lambda deadline: self._scrape(exporter, chosen, gzip, deadline),
        )

    def _scrape(self, exporter: Exporter, chosen: Format, gzip: bool, deadline: Deadline) -> Response:
        try:
            gathered = exporter.registry.gather(deadline)
            if self._options.strict and gathered.failures:
                failed = ", ".join(sorted(gathered.failures))
                return Response(500, f"collectors failed (--strict): {failed}\n".encode())
            if gathered.nothing_worked and not any(family.series for family in exporter.registry.families):
                return Response(503, b"every collector failed\n")
            return self._renderer.run(lambda: self._exposition(gathered, chosen, gzip))
        except ScrapeFailed as error:
            return Response(500, f"scrape failed: {error}\n".encode())
        except ExpositionError as error:
            log.error("exposition not valid, nothing sent", extra={"err": str(error)})
            return Response(500, f"exposition not valid: {error}\n".encode())

    def _exposition(self, gathered: Gathered, chosen: Format, gzip: bool) -> Response:
        pieces = gathered.pieces(chosen.form, chosen.escaping)
        headers = {"Vary": "Accept, Accept-Encoding"}
        if not gzip:
            return Response(200, b"".join(pieces), chosen.content_type, headers)
        headers["Content-Encoding"] = "gzip"
        packer = self._packers.setdefault(chosen.form, Packer())
        return Response(200, packer.gzip(pieces), chosen.content_type, headers)
