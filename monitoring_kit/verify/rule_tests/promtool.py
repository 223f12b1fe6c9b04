"""Running ``promtool test rules``: many files a process, a process a core."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from monitoring_kit.emit.yaml_text import yaml_text
from monitoring_kit.verify.rule_tests.testfile import GROUP, TestFile

# Up to 2.x each file's verdict stands below its name; 3.x prints the verdicts alone, in the order of the files
# (prometheus/prometheus, cmd/promtool/unittest.go).
_FILE = re.compile(r"^Unit Testing:  (.*)$", re.MULTILINE)
_VERDICT = re.compile(r"^  (?=(?:SUCCESS|FAILED:)$)", re.MULTILINE)
BATCH = 40
TIMEOUT_SECONDS = 900.0


def write(folder: Path, file: TestFile, *, readable: bool = False) -> Path:
    """The test file and the rules that it loads; ``readable`` as block YAML, else in JSON, which is YAML as well."""
    rules = {"groups": [{"name": GROUP, "rules": [_plain(r) for r in file.rules]}]}
    (folder / f"{file.name}.rules.yml").write_text(_text(rules, readable), encoding="utf-8")
    path = folder / f"{file.name}.test.yml"
    path.write_text(_text(file.tree, readable), encoding="utf-8")
    return path


def _plain(rule: object) -> dict[str, object]:
    return {k: v for k, v in rule.items() if v is not None}  # type: ignore[attr-defined]


def _text(tree: object, readable: bool) -> str:
    import json

    return yaml_text(tree)[0] if readable else json.dumps(tree, ensure_ascii=False)


def run(
    promtool: Path,
    folder: Path,
    names: Sequence[str],
    done: Callable[[Mapping[str, str]], None] = lambda verdicts: None,
    batch: int = BATCH,
    flags: Sequence[str] = (),
) -> dict[str, str]:
    """What promtool found wrong with each of the test files ``names`` in ``folder``: "" where nothing. ``done`` is told the
    verdicts of each process that ended; ``flags`` are promtool's own, before the command. When it is interrupted, no process is left behind."""
    batches = [names[i : i + batch] for i in range(0, len(names), batch)]
    verdicts: dict[str, str] = {}
    # promtool's databases go where they are removed with the rest, should it be ended.
    with (
        TemporaryDirectory(prefix="mkit-promtool-") as databases,
        ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool,
    ):
        children = _Children(databases)
        waiting = [pool.submit(_batch, promtool, folder, some, children, flags) for some in batches]
        try:
            for one in as_completed(waiting):
                found = one.result()
                verdicts.update(found)
                done(found)
        except BaseException:
            # Leaving the pool waits for its threads: let there be nothing to wait for.
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
            raise
    return verdicts


class _Children:
    """The processes that run, so that they can be ended."""

    def __init__(self, databases: str) -> None:
        self._environment = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1", "TMPDIR": databases}
        self._lock, self._running, self._stopped = Lock(), set[subprocess.Popen[str]](), False

    def start(self, command: Sequence[str], folder: Path) -> subprocess.Popen[str] | None:
        """A process in ``folder``; None after ``stop``. Raises ``OSError`` when it does not start."""
        with self._lock:
            if self._stopped:
                return None
            child = subprocess.Popen(
                command, cwd=folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace",
            )  # fmt: skip
            self._running.add(child)
            return child

    def ended(self, child: subprocess.Popen[str]) -> None:
        with self._lock:
            self._running.discard(child)

    def stop(self) -> None:
        """End all that run; none starts any more."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                child.kill()


def _batch(
    promtool: Path, folder: Path, names: Sequence[str], children: _Children, flags: Sequence[str]
) -> dict[str, str]:
    try:
        child = children.start([str(promtool), *flags, "test", "rules", *names], folder)
    except OSError as error:
        return dict.fromkeys(names, f"promtool does not start: {error.strerror}")
    if child is None:
        return dict.fromkeys(names, "promtool was not asked: interrupted")
    try:
        said, _ = child.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return dict.fromkeys(names, f"promtool did not finish in {TIMEOUT_SECONDS:.0f} s")
    finally:
        children.ended(child)
    return _read(said, names)


def _read(said: str, names: Sequence[str]) -> dict[str, str]:
    before, *pieces = _FILE.split(said)
    texts = dict(zip(map(str.strip, pieces[::2]), pieces[1::2], strict=True))
    if not texts:
        before, *verdicts = _VERDICT.split(said)
        # One more or less, and nobody can tell which file is meant.
        texts = dict(zip(names, verdicts, strict=True)) if len(verdicts) == len(names) else {}
    missing = f"promtool did not get to it: {before.strip()[:500] or said.strip()[:500]}"
    found = {name: texts.get(name, missing).strip() for name in names}
    return {name: "" if text == "SUCCESS" else text for name, text in found.items()}
