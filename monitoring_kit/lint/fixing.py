"""`--fix`: applying the mechanical repairs of findings, proven by linting again before anything is written."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from monitoring_kit.diagnostics import Diagnostic, Report, Source, Span
from monitoring_kit.diagnostics.diagnostic import Severity

# Repairs that leave nothing to guess. Others (a name that was probably meant) are only offered to editors, in SARIF and JSON.
MECHANICAL = frozenset(
    (
        "promql/absent-of-result", "promql/histogram-base", "promql/missing-total", "promql/quantile-input", "promql/raw-counter",
        "promql/regex", "promql/short-window", "promql/slope-of-counter", "routes/stripped-brace",
    )
)  # fmt: skip
MAX_ROUNDS = 5
MAX_SINGLE = 200
Again = Callable[[Mapping[str, str]], Report]
"""Lint again with the texts of some files replaced."""


class StaleError(Exception):
    """The file changed since it was read; the message names it."""


@dataclass
class Fixes:
    """What was repaired: new texts by file, the findings that are gone, and those left with the reason."""

    texts: dict[str, str] = field(default_factory=dict)
    applied: list[Diagnostic] = field(default_factory=list)
    refused: list[tuple[Diagnostic, str]] = field(default_factory=list)


def fix(report: Report, again: Again) -> Fixes:
    """The repairs of the findings of ``report`` that are mechanical and proven: after them the finding is gone and nothing
    new is wrong. Nothing is written."""
    made = Fixes()
    current = report
    for _ in range(MAX_ROUNDS):
        wanted, refused = choose(current)
        made.refused = refused
        before = len(made.applied)
        current = _apply(wanted, current, again, made)
        if len(made.applied) == before or not refused:
            break
    return made


def choose(report: Report) -> tuple[list[Diagnostic], list[tuple[Diagnostic, str]]]:
    """The findings to repair now, none of whose stretches overlap, and those refused."""
    chosen: list[Diagnostic] = []
    refused: list[tuple[Diagnostic, str]] = []
    spans: set[Span] = set()
    last: Span | None = None
    fixable = [d for d in report if d.fix is not None and d.code in MECHANICAL and not d.secret and not _guess(d)]
    for found in sorted(fixable, key=lambda d: d.fix.span if d.fix else d.span):
        assert found.fix is not None
        span = found.fix.span
        if span in spans and any(c.fix == found.fix for c in chosen):
            chosen.append(found)
        elif (
            last is not None and span.file == last.file and (span.line, span.column) < (last.end_line, last.end_column)
        ):
            refused.append((found, "it overlaps another repair: run --fix again"))
        else:
            chosen.append(found)
            spans.add(span)
            last = span
    return chosen, refused


def _guess(found: Diagnostic) -> bool:
    """A quantile outside of 0 to 1: nobody knows which one was meant."""
    assert found.fix is not None
    return found.code == "promql/quantile-input" and found.fix.text.replace(".", "").isdigit()


def _apply(wanted: list[Diagnostic], report: Report, again: Again, made: Fixes) -> Report:
    """Apply all, or, where that does not hold what it promises, each that does by itself. Returns the last proven report."""
    if not wanted:
        return report
    texts = edited(wanted, report.sources)
    after = again({**made.texts, **texts})
    if _proven(wanted, report, after):
        made.texts.update(texts)
        made.applied += wanted
        return after
    if len(wanted) == 1:
        made.refused.append((wanted[0], "the result would not be free of the finding, or not be valid"))
        return report
    # From the end of a file backwards, so that the places of those still to come stay where they are.
    for one in sorted(wanted, key=lambda d: d.span, reverse=True)[:MAX_SINGLE]:
        report = _apply([one], report, again, made)
    return report


def _proven(fixed: list[Diagnostic], before: Report, after: Report) -> bool:
    was, now = Counter(d.code for d in before), Counter(d.code for d in after)
    gone = Counter(d.code for d in fixed)
    if any(now[code] > was[code] - count for code, count in gone.items()):
        return False
    return all(now[d.code] <= was[d.code] for d in after if d.severity is Severity.ERROR and d.code not in gone)


def edited(fixes: Iterable[Diagnostic], sources: Mapping[str, Source]) -> dict[str, str]:
    """The texts of the files with the repairs in place, everything else as it was."""
    by_file: dict[str, set[tuple[int, int, str]]] = {}
    for found in fixes:
        assert found.fix is not None
        span = found.fix.span
        source = sources[span.file]
        start, end = _offset(source.text, span.line, span.column), _offset(source.text, span.end_line, span.end_column)
        by_file.setdefault(span.file, set()).add((start, end, found.fix.text))
    made = {}
    for file, edits in by_file.items():
        text = sources[file].text
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        made[file] = text
    return made


def _offset(text: str, line: int, column: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = text.index("\n", at) + 1
    return at + column - 1


def diff(fixes: Fixes, sources: Mapping[str, Source]) -> str:
    """The change as a unified diff."""
    found: list[str] = []
    for file, text in sorted(fixes.texts.items()):
        old = sources[file].text.splitlines(keepends=True)
        for line in difflib.unified_diff(
            old, text.splitlines(keepends=True), f"a/{file.lstrip('/')}", f"b/{file.lstrip('/')}"
        ):
            found.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(found)


def write(fixes: Fixes, sources: Mapping[str, Source]) -> None:
    """Rewrite the files, each at once or not at all, with its mode and byte order mark kept.

    Raises StaleError when a file is not what was linted any more (before anything is written) and OSError.
    """
    originals = {file: Path(file).read_bytes() for file in fixes.texts}
    for file, data in originals.items():
        if data.decode("utf-8-sig") != sources[file].text:
            raise StaleError(f"{file} changed while it was linted")
    for file, text in sorted(fixes.texts.items()):
        mark = b"\xef\xbb\xbf" if originals[file].startswith(b"\xef\xbb\xbf") else b""
        _replace(Path(os.path.realpath(file)), mark + text.encode())


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), path.stat().st_mode & 0o7777)
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
