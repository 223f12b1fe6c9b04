"""A process that leaves without freeing: nothing of what it says is lost, and everything meant for its end runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring_kit.cli import unfreed

SPEC = "version: mkit/v1\nsystem: shop\nservices:\n" + "".join(f"  s{i}: {{kind: no-such-kind}}\n" for i in range(300))
PROGRAM = """
import atexit, os, sys
atexit.register(lambda: print("bye", file=sys.stderr))
class Last:
    def __del__(self): os.write(2, b"freed\\n")
last = Last()
sys.argv = ["mkit", *sys.argv[1:]]
from monitoring_kit.cli.main import run
run()
"""


def mkit(*args: str | Path, stdout: int | None = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *map(str, args)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


def test_the_output_is_whole_and_the_exit_code_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(SPEC)
    done = mkit("check", path, "--format", "json")
    assert done.returncode == 1
    # More than a pipe holds, so a part was still to be written.
    assert len(done.stdout) > 65_536
    assert len(json.loads(done.stdout)["findings"]) >= 300
    assert done.stderr.endswith("bye\n")


def test_a_process_of_another_verb_ends_as_python_does() -> None:
    done = mkit("completion", "bash")
    assert done.returncode == 0
    assert done.stderr == "bye\nfreed\n"


def test_usage_errors_and_help_keep_their_codes() -> None:
    assert mkit("check").returncode == 2
    done = mkit("generate", "--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout or "Examples" in done.stdout


def test_output_that_cannot_be_written_is_no_success(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text("version: mkit/v1\nsystem: shop\nservices: {}\n")
    with open("/dev/full", "w") as full:
        assert mkit("check", path, stdout=full.fileno()).returncode != 0


def test_a_process_that_goes_on_keeps_nothing_and_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfreed, "_kept", None)
    thing = object()
    assert unfreed.kept(thing) is thing
    unfreed.leave(0)
    unfreed.keep_all()
    assert unfreed.kept(thing) is thing
    assert unfreed._kept == [thing]
    unfreed.leave("a message, which Python prints")
