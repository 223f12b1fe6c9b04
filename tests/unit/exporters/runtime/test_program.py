"""The process: flags, signals, exit codes, logs."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from monitoring_kit.exporters.runtime.logs import JsonFormatter, LogfmtFormatter

from tests.servers import free_port

PROGRAM = """
import pathlib, signal, sys, threading, time
from monitoring_kit.exporters.runtime import *

class Source:
    name = "file"
    def __init__(self, family, bad):
        self.families, self.bad = (family,), bad
    def collect(self, deadline):
        if self.bad:
            raise CollectError("denied", "no permission")
        yield FamilyRows(self.families[0], [(("a",), 1.5)])

def build(args, previous):
    text = pathlib.Path(args.config_file).read_text()
    if "broken" in text:
        raise ConfigError(["line 1: broken", "line 2: too"])
    if "thread" in text:
        # The process's own signal, handed to a thread that is not the main one.
        def shoot():
            time.sleep(0.5)
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            time.sleep(60)
        threading.Thread(target=shoot, daemon=True).start()
    registry = Registry("unit")
    registry.declare({"name": "setting", "type": "gauge", "help": "x"}).set(len(text))
    rows = registry.declare({"name": "rows", "type": "gauge", "help": "x", "labels": ["of"]})
    registry.register(Source(rows, "denied" in text))
    return Exporter(registry, close=[lambda: print("closed", flush=True)])

raise SystemExit(run_exporter(ExporterApp("unit-exporter", "1.2.3", "Test", "127.0.0.1:0", build)))
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    program, config = tmp_path / "program.py", tmp_path / "config"
    program.write_text(PROGRAM)
    config.write_text("1234")
    return program, config


def run(files: tuple[Path, Path], *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(files[0]), "--config.file", str(files[1]), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


class Served:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.port = int(self.wait_for(r"127\.0\.0\.1:(\d+)"))

    def wait_for(self, pattern: str) -> str:
        assert self.process.stderr is not None
        while line := self.process.stderr.readline():
            self.lines.append(line)
            match = re.search(pattern, line)
            if match:
                return match[1] if match.groups() else match[0]
        raise AssertionError("".join(self.lines))

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture
def served(files: tuple[Path, Path]) -> Iterator[Served]:
    command = [sys.executable, str(files[0]), "--config.file", str(files[1])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield Served(process)
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_version(files: tuple[Path, Path]) -> None:
    done = run(files, "--version")
    assert (done.returncode, done.stdout) == (0, "unit-exporter 1.2.3\n")


def test_check_prints_the_samples(files: tuple[Path, Path]) -> None:
    done = run(files, "--config.check")
    assert done.returncode == 0
    assert "setting 4\n" in done.stdout
    assert 'rows{of="a"} 1.5\n' in done.stdout


def test_check_fails_with_the_collector(files: tuple[Path, Path]) -> None:
    files[1].write_text("denied")
    done = run(files, "--config.check")
    assert done.returncode == 1
    assert "collector file failed: denied" in done.stderr


@pytest.mark.parametrize("flags", [(), ("--config.check",)])
def test_a_broken_configuration_exits_1_with_every_line(files: tuple[Path, Path], flags: tuple[str, ...]) -> None:
    files[1].write_text("broken")
    done = run(files, *flags)
    assert done.returncode == 1
    assert done.stderr == "unit-exporter: line 1: broken\nunit-exporter: line 2: too\n"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--web.listen-address", "nonsense"),
        ("--web.listen-address", "127.0.0.1:99999"),
        ("--web.listen-address", "192.0.2.1:9999"),
        ("--web.config.file", "/nonexistent/web.yml"),
    ],
)
def test_what_cannot_be_used_exits_1(files: tuple[Path, Path], flag: str, value: str) -> None:
    done = run(files, flag, value)
    assert done.returncode == 1
    assert value in done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ("--nope",), ("--web.max-requests", "0"), ("--web.telemetry-path", "metrics"), ("--log.level", "loud"),
        ("--scrape.timeout", "soon"), ("--web.telemetry-path", "/-/x"),
    ],
)  # fmt: skip
def test_usage_errors_exit_2(files: tuple[Path, Path], flags: tuple[str, ...]) -> None:
    assert run(files, *flags).returncode == 2


def test_a_taken_port_exits_1(files: tuple[Path, Path], served: Served) -> None:
    done = run(files, "--web.listen-address", f"127.0.0.1:{served.port}")
    assert done.returncode == 1
    assert "cannot listen" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(served: Served, number: int) -> None:
    assert "setting 4\n" in served.metrics()
    served.process.send_signal(number)
    out, err = served.process.communicate(timeout=10)
    assert served.process.returncode == 0
    assert out == "closed\n"
    assert "Traceback" not in err


def test_a_signal_that_another_thread_gets_is_handled(files: tuple[Path, Path]) -> None:
    files[1].write_text("thread")
    done = run(files, "--web.listen-address", "127.0.0.1:0")
    assert done.returncode == 0
    assert done.stdout == "closed\n"


def test_sighup_reloads_and_keeps_the_last_good(files: tuple[Path, Path], served: Served) -> None:
    files[1].write_text("123456")
    served.process.send_signal(signal.SIGHUP)
    served.wait_for("configuration reloaded")
    assert "setting 6\n" in served.metrics()
    files[1].write_text("broken")
    served.process.send_signal(signal.SIGHUP)
    served.wait_for("reload failed")
    text = served.metrics()
    assert "setting 6\n" in text
    assert "unit_config_last_reload_successful 0\n" in text
    stamp = float(re.search(r"^unit_config_last_reload_success_timestamp_seconds (\S+)", text, re.M)[1])  # type: ignore[index]
    assert stamp == pytest.approx(time.time(), abs=30)


WITH_LISTEN = {
    "business": {
        "sources": {"shop": {"kind": "sqlite", "url": "sqlite:////nonexistent/shop.db"}},
        "metrics": {"rows_now": {"type": "gauge", "help": "R.", "source": "shop", "query": "SELECT 1"}},
    },
    "ai": {"model": {"name": "m", "version": "1"}, "gpu": False, "ingest": {"http": True}},
}


@pytest.mark.parametrize("kind", WITH_LISTEN)
@pytest.mark.parametrize("flag", [False, True])
def test_a_changed_listen_is_warned_of_at_a_reload(kind: str, flag: bool, tmp_path: Path) -> None:
    file, old, new = tmp_path / "exporter.yaml", f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"

    def write(listen: str) -> None:
        file.write_text(json.dumps({**WITH_LISTEN[kind], "listen": listen}))

    write(old)
    module = f"monitoring_kit.exporters.{kind}.main"
    command = [sys.executable, "-m", module, "--config", str(file), *(["--web.listen-address", old] if flag else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        served = Served(process)
        for listen, warned in ((old, False), (new, not flag), (old, False)):
            write(listen)
            served.lines.clear()
            process.send_signal(signal.SIGHUP)
            served.wait_for("configuration reloaded")
            told = [line for line in served.lines if "takes a restart" in line]
            assert [f"listen={new} still={old}" in line for line in told] == [True] * warned, served.lines
            assert "config_last_reload_successful 1\n" in served.metrics()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_it_runs_without_a_writable_directory_or_home(files: tuple[Path, Path]) -> None:
    command = [sys.executable, str(files[0]), "--config.file", str(files[1])]
    environment = {key: value for key, value in os.environ.items() if key != "HOME"}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", env=environment
    )
    try:
        assert "unit_build_info{" in Served(process).metrics()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_self_metrics_of_the_process(served: Served) -> None:
    text = served.metrics()
    resident = float(re.search(r"^process_resident_memory_bytes (\S+)", text, re.M)[1])  # type: ignore[index]
    with open(f"/proc/{served.process.pid}/statm") as file:
        assert resident == pytest.approx(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"), rel=0.2)
    started = float(re.search(r"^process_start_time_seconds (\S+)", text, re.M)[1])  # type: ignore[index]
    assert started == pytest.approx(time.time(), abs=30)
    assert 'unit_build_info{version="1.2.3",python_version="' in text


def record(message: str, **extra: object) -> logging.LogRecord:
    out = logging.LogRecord("x", logging.WARNING, "f", 1, message, (), None)
    for key, value in extra.items():
        setattr(out, key, value)
    return out


def test_logfmt_quotes_what_needs_it() -> None:
    line = LogfmtFormatter().format(record('a "b"\n', err="", path="/x", odd="\x1b[31m"))
    assert line.split(" ", 1)[1] == 'level=warn msg="a \\"b\\"\\n" err="" path=/x odd="\\u001b[31m"'


def test_json_is_one_object_and_exceptions_show_only_their_type() -> None:
    try:
        raise RuntimeError("password=hunter2")
    except RuntimeError:
        found = record("bad", path="/x")
        found.exc_info = sys.exc_info()
    for formatter in (JsonFormatter(), LogfmtFormatter()):
        assert "hunter2" not in formatter.format(found)
    assert json.loads(JsonFormatter().format(found))["exception"] == "RuntimeError"
