"""A private Prometheus on a copy of a TSDB folder: the original is only read."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monitoring_kit.live.backtest.client import Client
from monitoring_kit.live.backtest.errors import BacktestError
from monitoring_kit.live.backtest.inline import Recorded
from monitoring_kit.live.block_size import block_argument
from monitoring_kit.promql import metrics, print_expr
from monitoring_kit.stack.lab import Lab, LabError, free_port
from monitoring_kit.stack.tools import find_tools

_PROMTOOL_SECONDS = 3600.0


class PrivateServer:
    """A Prometheus without targets and rules on ``data``, inside of ``lab``. ``client`` talks to it."""

    def __init__(self, lab: Lab, data: Path, timeout: float, lookback: str = "5m") -> None:
        self._lab, self.data, self._timeout, self._lookback = lab, data, timeout, lookback
        self._runs = 0
        self.client = self._start()

    def _start(self) -> Client:
        # Each start is a new process on a new port: the one before is stopped with the lab or by `restart`.
        self._runs += 1
        config = self._lab.write("prometheus.yml", "global: {}\n")
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        self._name = f"prometheus-{self._runs}"
        self._lab.start(
            self._name,
            [
                tool("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.data}",
                f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=100y",
                # Equal limits turn compaction off: the copy shares its blocks with the original.
                "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
                f"--query.timeout={self._timeout:g}s",
                f"--query.lookback-delta={self._lookback}", "--log.level=warn",
            ],
            f"{url}/-/ready",
        )  # fmt: skip
        return Client(url, timeout=self._timeout)

    def restart(self) -> Client:
        """Stop and start again, so that new blocks are seen."""
        self._lab.stop(self._name)
        self.client = self._start()
        return self.client


def tool(name: str) -> Path:
    """A required program. Raises BacktestError with how to get it."""
    found = find_tools()[name]
    if found.path is None:
        raise BacktestError("verify/missing-tool", f"{name} is {found.missing_reason}")
    return found.path


def copy_tsdb(source: Path, target: Path) -> tuple[int, int] | None:
    """Copy a TSDB folder; the blocks, which are never changed, are linked where the file system can. Returns the first and
    last time of its blocks (milliseconds), None without blocks. Raises BacktestError for a folder that is no TSDB."""
    try:
        entries = sorted(source.iterdir())
    except OSError as error:
        raise BacktestError("backtest/tsdb", f"{source}: {error.strerror}") from None
    blocks = [entry for entry in entries if (entry / "meta.json").is_file()]
    logs = [entry for entry in entries if entry.name in ("wal", "chunks_head", "wbl") and entry.is_dir()]
    if not blocks and not logs:
        raise BacktestError(
            "backtest/tsdb", f"{source} holds no block and no wal: it is no data folder of Prometheus",
            "name the folder of --storage.tsdb.path, or a snapshot",
        )  # fmt: skip
    target.mkdir(parents=True)
    times: list[int] = []
    try:
        for block in blocks:
            shutil.copytree(block, target / block.name, copy_function=_link)
            times += _times_of(block)
        for log in logs:
            # The server goes on writing to these.
            shutil.copytree(log, target / log.name, ignore_dangling_symlinks=True)
    except (OSError, shutil.Error) as error:
        raise BacktestError(
            "backtest/tsdb", f"{source} cannot be copied: {getattr(error, 'strerror', None) or 'it changes meanwhile'}",
            "take a snapshot of the running server (POST /api/v1/admin/tsdb/snapshot) and name that",
        ) from None  # fmt: skip
    return (min(times), max(times)) if times else None


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _times_of(block: Path) -> list[int]:
    try:
        meta = json.loads((block / "meta.json").read_text(encoding="utf-8"))
        return [int(meta["minTime"]), int(meta["maxTime"]) - 1]
    except (OSError, ValueError, KeyError, TypeError):
        raise BacktestError("backtest/tsdb", f"{block}/meta.json cannot be read: the block is damaged") from None


def backfill(
    server: PrivateServer, lab: Lab, rules: Sequence[Recorded], start: int, end: int, step: Callable[[str], None]
) -> None:
    """Write the history of ``rules`` with ``promtool tsdb create-blocks-from rules``, those that read others after these: promtool
    evaluates each rule by itself. Milliseconds. Raises BacktestError when promtool fails."""
    promtool = tool("promtool")
    for level in levels(rules):
        by_interval: dict[int, list[Recorded]] = defaultdict(list)
        for rule in level:
            by_interval[rule.interval].append(rule)
        step(f"backfilling {len(level)} recording rules")
        for interval, some in sorted(by_interval.items()):
            # Evaluations are shifted by a hash of the file's name: one name, so that a rule finds what it reads at its own
            # moments; a relative one, so that every run has the same.
            file = f"backfill-{interval}.json"
            lab.write(file, json.dumps({"groups": [_group(some)]}))
            try:
                lab.run(
                    "promtool",
                    [
                        promtool, "tsdb", "create-blocks-from", "rules", block_argument(max(interval, 1000) / 1000),
                        f"--url={server.client.url}",
                        f"--start={start // 1000}", f"--end={end // 1000}", f"--eval-interval={max(interval, 1000) // 1000}s",
                        f"--output-dir={server.data}", file,
                    ],
                    timeout=_PROMTOOL_SECONDS,
                )  # fmt: skip
            except LabError as error:
                raise BacktestError("backtest/backfill", f"promtool could not write the history: {error}") from None
        server.restart()


def levels(rules: Sequence[Recorded]) -> list[list[Recorded]]:
    """``rules`` in portions such that each reads only those of portions before it. Raises BacktestError for a circle."""
    left = list(rules)
    found: list[list[Recorded]] = []
    while left:
        waiting = {rule.record for rule in left}
        ready = [rule for rule in left if not waiting & set(metrics(rule.expr))]
        if not ready:
            raise BacktestError("backtest/backfill", "the recording rules depend on each other in a circle")
        found.append(ready)
        left = [rule for rule in left if rule not in ready]
    return found


def _group(rules: Sequence[Recorded]) -> dict[str, Any]:
    return {
        "name": "backfill",
        "rules": [{"record": r.record, "expr": print_expr(r.expr), "labels": dict(r.labels)} for r in rules],
    }
