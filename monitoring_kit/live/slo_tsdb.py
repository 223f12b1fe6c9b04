"""A stopped Prometheus' data folder, served for a moment so that promtool can read it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from monitoring_kit.stack.lab import Lab, LabError, free_port
from monitoring_kit.stack.tools import Tool


def served(prometheus: Tool, data: Path, write: Callable[[str, Path], list[Path]], out: Path) -> list[Path]:
    """Run ``write(url, folder)`` while a Prometheus serves ``data`` on the loopback address; then move its blocks to ``out``.

    That server scrapes nothing, deletes nothing (a retention of 100 years) and compacts nothing. The blocks are moved once it
    has stopped, each in one step, so that a failure leaves ``data`` as it was. Raises LabError when the folder is in use.
    """
    if prometheus.path is None:
        raise LabError(prometheus.missing_reason)
    with Lab() as lab:
        config = lab.write("prometheus.yml", "scrape_configs: []\n")
        port = free_port()
        lab.start(
            "prometheus",
            [
                prometheus.path, f"--config.file={config}", f"--storage.tsdb.path={data.resolve()}", f"--web.listen-address=127.0.0.1:{port}",
                "--storage.tsdb.retention.time=100y", "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
            ],
            ready=f"http://127.0.0.1:{port}/-/ready",
        )  # fmt: skip
        staged = out.parent / f".{out.name}-backfill"
        try:
            blocks = write(f"http://127.0.0.1:{port}", staged)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    # Beside the folder, hence on its file system: a move is a rename.
    out.mkdir(parents=True, exist_ok=True)
    moved = [block.rename(out / block.name) for block in blocks]
    shutil.rmtree(staged, ignore_errors=True)
    return moved
