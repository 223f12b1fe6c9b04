"""A simulated service: a process that exposes planned metrics with live values, and can be made to fail.

Run as ``python -m monitoring_kit.stack.simulator PLAN.json PORT``. ``POST /-/fault?mode=errors|slow|down`` breaks it,
``POST /-/heal`` mends it; both answer 204. Values follow a daily shape with noise; counters only ever grow.
"""

from __future__ import annotations

import json
import math
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from monitoring_kit.stack.loopback import LoopbackServer

NORMAL_ERRORS = 0.0005
FAULT_ERRORS = 0.4
SLOWDOWN = 30.0
SIGMA = 0.5
FAULTS = ("errors", "slow", "down")


class Simulation:
    """The state of one simulated service; ``exposition`` advances it to the present."""

    def __init__(self, plan: dict[str, Any], seed: int = 0, now: float | None = None) -> None:
        self.metrics = plan["metrics"]
        self.fault: str | None = None
        self.random = random.Random(seed)  # noqa: S311 - noise, not a secret
        self.lock = threading.Lock()
        self.last = time.time() if now is None else now
        self.counts: dict[tuple[str, int], float] = {}
        self.observed: dict[tuple[str, int], list[float]] = {}

    def exposition(self, now: float | None = None) -> str:
        """The metrics in the text format 0.0.4, at ``now`` (Unix seconds)."""
        with self.lock:
            now = time.time() if now is None else now
            elapsed, self.last = max(now - self.last, 0.0), max(now, self.last)
            shape = 1 + 0.3 * math.sin(2 * math.pi * now / 86_400)
            lines: list[str] = []
            for metric in self.metrics:
                lines += [
                    f"# HELP {metric['name']} {_escaped(metric['help'], quote=False)}",
                    f"# TYPE {metric['name']} {metric['type']}",
                ]
                for index, series in enumerate(metric["series"]):
                    lines += self._lines(metric, index, series, elapsed, shape)
            return "\n".join(lines) + "\n"

    def _lines(
        self, metric: dict[str, Any], index: int, series: dict[str, Any], elapsed: float, shape: float
    ) -> list[str]:
        level = metric["level"] * (1.0 if metric["steady"] else shape * self.random.gauss(1, 0.03))
        name, labels = metric["name"], series["labels"]
        if metric["type"] == "histogram":
            return self._histogram(metric, index, labels, elapsed * level * series["share"])
        if metric["type"] == "counter":
            value = self._count((name, index), elapsed * level * series["share"] * self._weight(metric, series))
            return [_line(name, labels, value)]
        if metric.get("age"):
            return [_line(name, labels, self.last - level)]
        if metric["unit"] == "ratio":
            level = min(max(self.random.gauss(0.96, 0.003), 0.0), 1.0)
        return [_line(name, labels, level)]

    def _weight(self, metric: dict[str, Any], series: dict[str, Any]) -> float:
        """The share of events of this class: bad ones are rare until the service fails."""
        if not any(s["bad"] for s in metric["series"]):
            return 1.0
        errors = FAULT_ERRORS if self.fault == "errors" else NORMAL_ERRORS
        if all(s["bad"] for s in metric["series"]):
            return errors
        return errors if series["bad"] else 1 - errors

    def _count(self, key: tuple[str, int], step: float) -> float:
        self.counts[key] = self.counts.get(key, 0.0) + max(step, 0.0)
        return self.counts[key]

    def _histogram(self, metric: dict[str, Any], index: int, labels: dict[str, str], events: float) -> list[str]:
        bounds = [*metric["buckets"], math.inf]
        median = bounds[len(bounds) // 4] * (SLOWDOWN if self.fault == "slow" else 1.0)
        state = self.observed.setdefault((metric["name"], index), [0.0] * (len(bounds) + 1))
        for position, bound in enumerate(bounds):
            state[position] += events * _lognormal_cdf(bound, median)
        state[-1] += events * median * math.exp(SIGMA**2 / 2)
        lines = [
            _line(
                f"{metric['name']}_bucket",
                {**labels, "le": "+Inf" if bound == math.inf else f"{bound:g}"},
                math.floor(count),
            )
            for bound, count in zip(bounds, state, strict=False)
        ]
        lines.append(_line(f"{metric['name']}_sum", labels, state[-1]))
        lines.append(_line(f"{metric['name']}_count", labels, math.floor(state[len(bounds) - 1])))
        return lines


def _lognormal_cdf(x: float, median: float) -> float:
    return 1.0 if x == math.inf else 0.5 * (1 + math.erf(math.log(x / median) / (SIGMA * math.sqrt(2))))


def _line(name: str, labels: dict[str, str], value: float) -> str:
    inner = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items())
    return f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}"


def _escaped(text: str, *, quote: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


class _Handler(BaseHTTPRequestHandler):
    simulation: Simulation

    def do_GET(self) -> None:
        if self.simulation.fault == "down":
            self._answer(503, "down on purpose\n")
        elif urlsplit(self.path).path in ("/-/healthy",):
            self._answer(200, "ok\n")
        else:
            self._answer(200, self.simulation.exposition())

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/-/heal":
            self.simulation.fault = None
            self._answer(204)
            return
        mode = (parse_qs(url.query).get("mode") or [""])[0]
        if url.path == "/-/fault" and mode in FAULTS:
            self.simulation.fault = mode
            self._answer(204)
        else:
            self._answer(404, f"POST /-/heal or /-/fault?mode={'|'.join(FAULTS)}\n")

    def _answer(self, status: int, text: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""


def serve(plan: dict[str, Any], port: int) -> LoopbackServer:
    """A server on the loopback address; the caller runs ``serve_forever``."""
    handler = type("Handler", (_Handler,), {"simulation": Simulation(plan, seed=port)})
    return LoopbackServer(("127.0.0.1", port), handler)


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    serve(plan, int(sys.argv[2])).serve_forever()


if __name__ == "__main__":
    main()
