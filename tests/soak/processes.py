"""The processes of the soak, and what they cost over time."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.servers import find, free_port

# A scrape that is late for its own timeout would be missing, and nothing could be said about it.
INTERVAL, TIMEOUT = 1.0, 0.9


def get(url: str, seconds: float = 5) -> str:
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        text: str = answer.read().decode()
    return text


def until(test: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if found := test():
                return found
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@dataclass
class Cost:
    """What a process holds at a moment."""

    rss: float
    fds: int
    threads: int


@dataclass
class Process:
    """An exporter. ``away`` are the stretches in which it was killed, in Unix seconds."""

    name: str
    folder: Path
    config: dict[str, Any]
    port: int = field(default_factory=free_port)
    away: list[tuple[float, float]] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> Process:
        file = self.folder / f"{self.name}.yaml"
        file.write_text(yaml.safe_dump(self.config))
        command = [sys.executable, "-m", f"monitoring_kit.exporters.{self.name}.main", "--config", str(file),
                   f"--web.listen-address=127.0.0.1:{self.port}"]  # fmt: skip
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        until(lambda: get(f"http://127.0.0.1:{self.port}/-/ready"))
        return self

    def kill_and_start(self) -> None:
        began = time.time()
        self._process.kill()
        self._process.wait()
        self.start()
        self.costs.clear()
        self.away.append((began, time.time()))

    def reload(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def measure(self) -> None:
        base = Path(f"/proc/{self._process.pid}")
        with contextlib.suppress(OSError):
            status = base.joinpath("status").read_text()
            rss, threads = re.search(r"VmRSS:\s+(\d+)", status), re.search(r"Threads:\s+(\d+)", status)
            if rss and threads:  # One that has just been killed has no memory.
                self.costs.append(Cost(int(rss[1]) / 1024, len(list(base.joinpath("fd").iterdir())), int(threads[1])))

    def growth(self) -> Cost:
        """The last quarter of its life against the second one, by medians."""
        # A failing test shows the course of it, about a number a minute.
        print(self.name, "MiB:", *(round(cost.rss, 1) for cost in self.costs[:: max(1, len(self.costs) // 12)]))
        n = len(self.costs) // 4
        early, late = self.costs[n : 2 * n], self.costs[-n:]

        def grown(of: str) -> Any:
            return statistics.median(getattr(c, of) for c in late) - statistics.median(getattr(c, of) for c in early)

        return Cost(grown("rss"), grown("fds"), grown("threads"))

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


class Prometheus:
    """A real Prometheus that scrapes the exporters every second."""

    def __init__(self, folder: Path, exporters: list[Process]) -> None:
        self.port, self.log, config = free_port(), folder / "prometheus.log", folder / "prometheus.yml"
        jobs = [
            {"job_name": e.name, "scrape_interval": f"{int(INTERVAL)}s", "scrape_timeout": f"{int(TIMEOUT * 1000)}ms",
             "static_configs": [{"targets": [f"127.0.0.1:{e.port}"]}]}
            for e in exporters
        ]  # fmt: skip
        config.write_text(json.dumps({"scrape_configs": jobs}))
        command = [find("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
                   f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=debug"]  # fmt: skip
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        until(lambda: get(f"http://127.0.0.1:{self.port}/-/ready"))

    def samples(self, selector: str, seconds: float) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Every stored sample of ``selector`` in the last ``seconds``, as (labels, [(time of the scrape, value)])."""
        query = urllib.parse.quote(f"{selector}[{int(seconds) + 5}s]")
        answer = json.loads(get(f"http://127.0.0.1:{self.port}/api/v1/query?query={query}", 60))
        return [(s["metric"], [(t, float(v)) for t, v in s["values"]]) for s in answer["data"]["result"]]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


class Starvation:
    """How long an exporter's threads wanted to run and got no processor: what is late then is the machine's fault."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._waited: list[tuple[float, float]] = []
        self.watch = Every(0.1, self._look)

    def _look(self) -> None:
        waited = 0.0
        for task in Path(f"/proc/{self._process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, IndexError):
                # Nanoseconds on the run queue: Documentation/scheduler/sched-stats.rst.
                waited += int(task.read_text().split()[1]) / 1e9
        self._waited.append((time.time(), waited))

    def within(self, begin: float, end: float) -> float:
        """Seconds lost in that stretch, by all threads together."""
        seen = [waited for moment, waited in self._waited if begin - 0.2 <= moment <= end + 0.2]
        return sum(max(later - earlier, 0.0) for earlier, later in itertools.pairwise(seen))


class Every:
    """Calls ``work`` in a thread every ``seconds``; ``stop`` ends it and raises what it raised."""

    def __init__(self, seconds: float, work: Callable[[], None]) -> None:
        self._seconds, self._work = seconds, work
        self._done, self._failure = threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._done.wait(self._seconds):
                self._work()
        except BaseException as error:
            self._failure.append(error)

    def stop(self) -> None:
        self._done.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._failure:
            raise self._failure[0]
