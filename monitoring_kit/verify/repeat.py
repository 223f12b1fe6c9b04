"""The second compilation, in another process with another hash seed, must give the first one's bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType

from monitoring_kit.diagnostics import InternalError, Report, Span
from monitoring_kit.emit import Output

Fingerprint = dict[str, tuple[str, int]]

_TIMEOUT_SECONDS = 600.0


def fingerprint(outputs: Mapping[str, Output]) -> Fingerprint:
    """Path to (SHA-256, mode)."""
    return {path: (o.sha256, o.mode) for path, o in outputs.items()}


def same(first: Fingerprint, second: Fingerprint) -> None:
    """Raise ``InternalError`` naming the first file in which two compilations of one spec differ."""
    for path in sorted(first.keys() | second.keys()):
        a, b = first.get(path), second.get(path)
        if a is None or b is None:
            raise InternalError(f"compiled twice, {path} came out only once")
        if a != b:
            raise InternalError(f"compiled twice, {path} came out differently")


class SecondCompilation:
    """Runs beside the other proofs. A set whose order reaches the output shows up, because the hash seed is another one.

    ``module`` prints ``{"spec": sha256, "files": {path: [sha256, mode]}}`` as JSON for its arguments; -P keeps the current folder out of its imports.
    Use it as a context manager: leaving ends the process, whatever happened.
    """

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments], env={**os.environ, "PYTHONHASHSEED": seed},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip

    def __enter__(self) -> SecondCompilation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def compare(self, outputs: Mapping[str, Output], spec: str, sha256: str, report: Report) -> None:
        """Wait for it and compare. Raises ``InternalError`` when it failed or gave other bytes; a ``spec`` that somebody saved in
        between, so that its ``sha256`` is another one, is the error ``verify/spec-changed``."""
        try:
            out, err = self._process.communicate(timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            raise InternalError("compiled twice, the second compilation does not end") from None
        if self._process.returncode != 0:
            last = err.strip().splitlines()[-1:] or ["it said nothing"]
            raise InternalError(f"compiled twice, the second compilation failed: {last[0]}")
        told = json.loads(out)
        if told["spec"] != sha256:
            report.error(
                "verify/spec-changed", f"{spec} changed while it was compiled", Span(spec), help="run mkit again"
            )
            return
        same(fingerprint(outputs), {path: (digest, mode) for path, (digest, mode) in told["files"].items()})
