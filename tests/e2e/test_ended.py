"""A command that a supervisor ends, or whose terminal goes away, stops its servers and removes its folders as after Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from monitoring_kit.stack.tools import find_tools
from tests.bench.bench_slo import objectives_spec
from tests.conftest import CHANNEL, HEAD

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc"),
]
END = int(time.time()) // 7200 * 7200
SPEC = f"""{HEAD}{CHANNEL}prometheus: {{retention: {{time: 40d}}}}
services:
  web:
    kind: http
    scrape: {{targets: ['web:8080']}}
    slos:
      up: {{signal: errors, objective: 99.9%}}
alerts:
  Errors: {{services: [web], when: errors > 5%, for: 1m, severity: critical}}
"""
MKIT = ("-m", "monitoring_kit")
# What each starts, so that it is ended while that runs.
COMMANDS = {
    "backtest": ((*MKIT, "backtest", "{spec}", "--tsdb", "{tsdb}", "--recordings", "backfill"), "promtool"),
    "simulate": ((*MKIT, "simulate", "{spec}"), "prometheus"),
    "slo backfill": ((*MKIT, "slo", "backfill", "{spec}", "--tsdb", "{tsdb}", "--days", "30"), "promtool"),
    "test": ((*MKIT, "test", "{spec}", "--mutate"), "promtool"),
    "generate": ((*MKIT, "generate", "{spec}", "-o", "{out}"), "promtool"),
    "up": ((*MKIT, "up", "{spec}"), "prometheus"),
    "demo": (("-m", "monitoring_kit.stack.demo", "{spec}"), "prometheus"),
}


@pytest.fixture(scope="module")
def tsdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week of one counter's samples."""
    promtool = find_tools()["promtool"].path
    assert promtool is not None
    folder = tmp_path_factory.mktemp("history")
    times = range(END - 7 * 86_400, END, 60)
    lines = (f'http_requests_total{{job="web",service="web",status="200"}} {n} {at}\n' for n, at in enumerate(times))
    (folder / "samples.txt").write_text("".join(lines) + "# EOF\n")
    command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=54h", "-q"]
    subprocess.run([*command, folder / "samples.txt", folder / "data"], check=True, capture_output=True)
    return folder / "data"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_supervisor_ends_it(name: str, tsdb: Path, tmp_path: Path) -> None:
    _ended(name, signal.SIGTERM, tsdb, tmp_path)


def test_its_terminal_goes_away(tsdb: Path, tmp_path: Path) -> None:
    _ended("simulate", signal.SIGHUP, tsdb, tmp_path)


def test_a_second_signal_does_not_cut_the_tidying_short(tsdb: Path, tmp_path: Path) -> None:
    _ended("simulate", signal.SIGTERM, tsdb, tmp_path, again=5)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_another_signal_does_not_cut_the_tidying_short_either(
    first: signal.Signals, tsdb: Path, tmp_path: Path
) -> None:
    """What supervisors of CI send: Ctrl-C, and the end shortly after it."""
    other = signal.SIGTERM if first == signal.SIGINT else signal.SIGINT
    _ended("simulate", first, tsdb, tmp_path, then=(other, signal.SIGHUP))


def test_a_history_of_minutes_is_ended_at_once(tsdb: Path, tmp_path: Path) -> None:
    """promtool runs in threads of the command, which would wait for it: here for some minutes."""
    seconds = _ended("slo backfill", signal.SIGTERM, tsdb, tmp_path, spec=objectives_spec(1000))
    assert seconds < 10


def test_what_ignores_the_signal_goes_on(tmp_path: Path) -> None:
    """`nohup mkit up` outlives its terminal."""
    (tmp_path / "mkit.yaml").write_text(SPEC)
    command = ["nohup", sys.executable, *MKIT, "up", str(tmp_path / "mkit.yaml"), "--for", "3s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        _wait_for(run, "prometheus")
        run.send_signal(signal.SIGHUP)
        said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said


def _ended(
    name: str, number: signal.Signals, tsdb: Path, folder: Path, again: int = 0, spec: str = SPEC,
    then: Sequence[signal.Signals] = (),
) -> float:  # fmt: skip
    """End a command; the seconds that it took for that."""
    file, scratch = folder / "mkit.yaml", folder / "scratch"
    file.write_text(spec)
    scratch.mkdir()
    words, server = COMMANDS[name]
    command = [word.format(spec=file, tsdb=tsdb, out=folder / "out") for word in words]
    before = _files(tsdb)
    with subprocess.Popen(
        [sys.executable, *command], env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        started = _wait_for(run, server)
        begin = time.monotonic()
        for one in (*[number] * (1 + again), *then):
            run.send_signal(one)
            time.sleep(0.01)
        said, complained = run.communicate(timeout=60)
        seconds = time.monotonic() - begin
    assert run.returncode == 128 + number, said + complained
    assert "Traceback" not in complained
    assert not [pid for pid in started if _lives(pid)]
    assert not list(scratch.iterdir())
    # What is not finished is not there at all.
    assert not (folder / "out").exists()
    assert _files(tsdb) == before
    return seconds


def _files(tsdb: Path) -> list[Path]:
    """The blocks with all that is in them, and what lies beside the data."""
    return sorted([*tsdb.glob("0*/**/*"), *tsdb.parent.iterdir()])


def _wait_for(run: subprocess.Popen[str], name: str) -> list[int]:
    """All processes below ``run``, as soon as one of them is called ``name``."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = dict(_below(run.pid))
        if name in found.values():
            return list(found)
        assert run.poll() is None, run.communicate()
        time.sleep(0.01)
    raise AssertionError(f"{name} was never started")


def _below(parent: int) -> Iterator[tuple[int, str]]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, tail = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        pid, _, name = head.partition(" (")
        if int(tail.split()[1]) == parent:
            yield int(pid), name
            yield from _below(int(pid))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
