"""Helpers that every test may use."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.stack.tools import find_tools

# Tests ask PATH for the real tools, also while they are collected: those of `make tools` and of MKIT_SUITE count as much as
# the machine's own, or a machine that has none of its own would skip the proof.
os.environ["PATH"] = os.pathsep.join(
    [*dict.fromkeys(str(t.path.parent) for t in find_tools().values() if t.path), os.environ["PATH"]]
)

# What this process ignores, the programs that tests end by a signal would ignore as well: SIGHUP under nohup, SIGINT behind a
# shell's `&`. A handler that does nothing is not inherited.
for _ignored in {signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)}:
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, lambda *_: None)

# A property holds or not, however long an example takes: on a loaded machine Hypothesis' own 200 ms would fail sound code.
settings.register_profile("mkit", deadline=None)
settings.load_profile("mkit")

HEAD = "version: mkit/v1\nsystem: shop\n"
CHANNEL = "channels:\n  mail: {kind: webhook, url: 'http://hook:1/'}\n"


def marked(text: str) -> tuple[str, tuple[int, int, int, int] | None]:
    """``text`` without its ``«…»`` marks, and (line, column, end line, end column) of what they enclosed."""
    start, end = text.find("«"), text.find("»")
    if start < 0:
        return text, None
    clean = text.replace("«", "").replace("»", "")
    return clean, (*_position(clean, start), *_position(clean, end - 1))


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


@pytest.fixture
def compile_text(tmp_path: Path) -> Callable[..., Compilation]:
    """Compile a spec given as text; files beside it by keyword (``{"other.yaml": text}``)."""

    def run(text: str, env: str | None = None, environ: dict[str, str] | None = None, **files: str) -> Compilation:
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(content)
        path = tmp_path / "mkit.yaml"
        path.write_text(text)
        return compile_spec(path, env, environ or {})

    return run


def spelled(diagnostic: Diagnostic) -> str:
    """A finding in one line, without its folder."""
    text = f"{diagnostic.code}: {diagnostic.message}" + (f" [{diagnostic.help}]" if diagnostic.help else "")
    return re.sub(r"/\S*/", "", text)
