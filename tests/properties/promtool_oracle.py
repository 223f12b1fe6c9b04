"""What the real promtool says about many expressions at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

_ERROR = re.compile(r'group "g(\d+)", rule \d+, "m:x": (.*)')
_VERSION = re.compile(r"promtool, version (\d+\.\d+)")


def promtools() -> list[str]:
    """Programs to test against: those in MKIT_PROMTOOL (several separated by ``:``), else the one on PATH."""
    given = [path for path in os.environ.get("MKIT_PROMTOOL", "").split(os.pathsep) if path]
    return given or [path for path in [shutil.which("promtool")] if path]


@lru_cache
def version(promtool: str) -> str:
    """Its version as ``major.minor``."""
    done = subprocess.run([promtool, "--version"], capture_output=True, text=True, timeout=30, check=True)
    found = _VERSION.search(done.stdout + done.stderr)
    assert found, done.stdout + done.stderr
    return found[1]


def verdicts(promtool: str, expressions: list[str], folder: Path) -> list[str]:
    """ "" for each expression that promtool loads, its message for each that it rejects."""
    groups = [{"name": f"g{i}", "rules": [{"record": "m:x", "expr": e}]} for i, e in enumerate(expressions)]
    # JSON is YAML, except that YAML wants DEL and C1 controls escaped and knows no surrogate pairs.
    text = json.dumps(
        {"groups": [*groups, {"name": "g-last", "rules": [{"record": "m:x", "expr": "up{"}]}]}, ensure_ascii=False
    )
    text = re.sub("[\x7f-\x9f\ufeff\ufffe\uffff]", lambda m: f"\\u{ord(m[0]):04x}", text)
    file = folder / "rules.json"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [promtool, "check", "rules", str(file)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    output = done.stdout + done.stderr
    # The last group is always wrong: if its error is missing, promtool gave up on the file as a whole.
    assert 'group "g-last"' in output, output[:2000]
    found = {int(match[1]): match[2] for match in _ERROR.finditer(output)}
    return [found.get(index, "") for index in range(len(expressions))]
