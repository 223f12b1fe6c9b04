"""Running ``promtool test rules``: many files a process, a process a core."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from monitoring_kit.emit.yaml_text import yaml_text
from monitoring_kit.verify.rule_tests.plan import GROUP, TestFile

_FILE = re.compile(r"^Unit Testing:  (.*)$", re.MULTILINE)
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
    done: Callable[[int], None] = lambda count: None,
    batch: int = BATCH,
) -> dict[str, str]:
    """What promtool found wrong with each of the test files ``names`` in ``folder``: "" where nothing."""
    batches = [names[i : i + batch] for i in range(0, len(names), batch)]
    verdicts: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        for found in pool.map(lambda some: _batch(promtool, folder, some), batches):
            verdicts.update(found)
            done(len(found))
    return verdicts


def _batch(promtool: Path, folder: Path, names: Sequence[str]) -> dict[str, str]:
    environment = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            [str(promtool), "test", "rules", *names], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return dict.fromkeys(names, f"promtool did not finish in {TIMEOUT_SECONDS:.0f} s")
    except OSError as error:
        return dict.fromkeys(names, f"promtool does not start: {error.strerror}")
    return _read(done.stdout, names)


def _read(said: str, names: Iterable[str]) -> dict[str, str]:
    pieces = _FILE.split(said)
    texts = {name.strip(): text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    found = {}
    for name in names:
        text = texts.get(name, f"promtool did not get to it: {pieces[0].strip()[:500]}")
        found[name] = "" if text == "SUCCESS" else text
    return found
