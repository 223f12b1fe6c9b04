"""Running promtool and amtool on a private copy of the files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from monitoring_kit.emit import Output
from monitoring_kit.frozen import dataclass

# 17,000 rules take promtool about half a second; this only ends a hang.
TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a program said: ``failed`` when it did not exit with 0."""

    code: int
    out: str
    err: str

    @property
    def failed(self) -> bool:
        return self.code != 0

    @property
    def text(self) -> str:
        return f"{self.out}\n{self.err}".strip()


class Children:
    """The processes that threads run, so that another thread can end them all."""

    def __init__(self) -> None:
        self._lock, self._started, self._stopped = Lock(), list[subprocess.Popen[str]](), False

    def add(self, child: subprocess.Popen[str]) -> None:
        """Know a process from now on; after ``stop`` it is ended at once."""
        with self._lock:
            self._started.append(child)
            if self._stopped:
                child.kill()

    def stop(self) -> None:
        """End those that run, and each that is added later."""
        with self._lock:
            self._stopped = True
            for child in self._started:
                child.kill()


@contextmanager
def private_copy(outputs: Mapping[str, Output], wanted: Sequence[str]) -> Iterator[Path]:
    """The ``wanted`` outputs in a temporary folder that only this user may enter (mode 0700), removed afterwards."""
    with TemporaryDirectory(prefix="mkit-verify-") as name:
        root = Path(name)
        for path in wanted:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(outputs[path].data)
        yield root


def run(
    program: Path,
    arguments: Sequence[str],
    folder: Path,
    seconds: float = TIMEOUT_SECONDS,
    temporary: Path | None = None,
    children: Children | None = None,
) -> Result:
    """Run ``program`` in ``folder`` without a shell. A hang (longer than ``seconds``) or a program that does not start becomes a
    failed result. ``temporary`` is where it keeps what it would leave behind if it were killed. The process is
    added to ``children``, so that another thread can kill it."""
    environment = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1"}
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    try:
        child = subprocess.Popen(
            [str(program), *arguments], cwd=folder, env=environment, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        return Result(126, "", f"{program.name} does not start: {error.strerror}")
    if children is not None:
        children.add(child)
    with child:
        try:
            out, err = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            return Result(124, "", f"{program.name} did not finish in {seconds:.0f} s")
        except BaseException:
            child.kill()
            raise
    return Result(child.returncode, out, err)
