"""Run real servers for a moment: free loopback ports, logs kept, everything stopped at the end."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
_PORTS = (15_000, 32_000)
_given: set[int] = set()


class LabError(Exception):
    """A server did not come up or died; the text holds the end of its log."""


class Lab:
    """A scratch folder and the child processes in it. Use as a context manager.

    Leaving it stops every child, first by SIGTERM and after 15 s by SIGKILL, and removes the folder.
    Children are in process groups of their own, so that a child's children go with it.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.folder = Path()

    def __enter__(self) -> Lab:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mkit-lab-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, child in reversed(self._children):
            _signal(child, signal.SIGTERM)
        for _, child in reversed(self._children):
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()
        self._stack.close()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        ready: str | Callable[[], bool],
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start a server and wait until `ready` (a URL that answers 2xx, or a test) holds.

        Raises LabError with the end of its log if it dies or is not ready within 60 s.
        """
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.folder,
                env=self._environment(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append((name, child))
        test = ready if callable(ready) else lambda: answers(ready)
        wait_until(test, READY_SECONDS, lambda: self._explain(name, child))

    def stop(self, name: str) -> None:
        """Stop the child that was started last under this name, as at the end; nothing if it has ended already."""
        for known, child in reversed(self._children):
            if known == name:
                _signal(child, signal.SIGTERM)
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    _signal(child, signal.SIGKILL)
                    child.wait()
                return

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 120.0,
    ) -> str:
        """Run a command to its end and return its output. Raises LabError if it fails or takes too long."""
        try:
            done = subprocess.run(
                [str(part) for part in command],
                cwd=self.folder,
                env=self._environment(env),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{name} took longer than {timeout:.0f} s") from error
        if done.returncode != 0:
            raise LabError(f"{name} ended with code {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def write(self, name: str, text: str) -> Path:
        """Write a file into the lab's folder, its parents included."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        """That of this process; what a child that is killed leaves in its temporary folder goes with the lab."""
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return {**os.environ, "TMPDIR": str(temporary), **(more or {})}

    def _explain(self, name: str, child: subprocess.Popen[bytes]) -> str:
        """Empty while the child lives, else the end of its log."""
        code = child.poll()
        return "" if code is None else f"{name} ended with code {code}\n{self.log_tail(name)}"

    def dead(self) -> list[str]:
        """What can be said of children that have ended on their own."""
        return [reason for name, child in self._children if (reason := self._explain(name, child))]

    def log_tail(self, name: str, lines: int = 20) -> str:
        """The last lines that a child printed."""
        text = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def wait_until(test: Callable[[], bool], seconds: float, failed: Callable[[], str] = lambda: "") -> None:
    """Poll `test` until it holds. Raises LabError after `seconds`, or once `failed` has something to say."""
    deadline = time.monotonic() + seconds
    while not test():
        if reason := failed():
            raise LabError(reason)
        if time.monotonic() > deadline:
            raise LabError(f"not ready within {seconds:.0f} s")
        time.sleep(0.05)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on right now, another one at each call.

    It lies below the range from which systems take the ports of outgoing connections (32768 and up on
    Linux, 49152 elsewhere): one of those may be taken by a client before the server binds it.
    """
    for _ in range(1000):
        port = random.randrange(*_PORTS)  # noqa: S311
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise LabError(f"no free port between {_PORTS[0]} and {_PORTS[1]}")


def answers(url: str) -> bool:
    """Whether a loopback URL answers with 2xx."""
    try:
        read(url)
    except OSError:
        return False
    return True


def read(url: str, timeout: float = 10.0) -> str:
    """GET a loopback URL as text, never through a proxy. Raises OSError."""
    if not url.startswith("http://127.0.0.1:"):
        raise ValueError(f"not a loopback URL: {url}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout) as answer:
        return str(answer.read().decode("utf-8"))


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
