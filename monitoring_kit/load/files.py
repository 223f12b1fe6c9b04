"""Reading many files: several YAML documents a file, JSON, folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from monitoring_kit.diagnostics import Report, Source, Span, Stop
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.json_reader import read_json
from monitoring_kit.load.nodes import Node
from monitoring_kit.load.reader import read_yaml
from monitoring_kit.load.source import read_source

MAX_DOCUMENTS = 10_000
MAX_FILES = 20_000
_MARK = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.M)


@dataclass(frozen=True, slots=True)
class InputDocument:
    """One document of a file: its root and the line at which it starts, from 1."""

    root: Node
    line: int


def read_text(path: str, report: Report, texts: dict[str, str] | None = None) -> Source | None:
    """The file as a source, from ``texts`` where it is given there; None after reporting why it cannot be read."""
    if texts is not None and path in texts:
        source = Source(path, texts[path])
        report.sources[path] = source
        return source
    if not os.path.exists(path):
        report.error("file/missing", f"{path} does not exist", Span(path), help="check the path")
        return None
    try:
        return read_source(path, report)
    except Stop:
        return None


def documents(source: Source, report: Report) -> list[InputDocument]:
    """The documents of a YAML or JSON file; what cannot be read is reported and left out."""
    if source.file.endswith(".json"):
        return [InputDocument(root, 1)] if (root := _one(source, report, json=True)) is not None else []
    found: list[InputDocument] = []
    for line, text in _split(source.text):
        if len(found) >= MAX_DOCUMENTS:
            report.error("yaml/limit", f"more than {MAX_DOCUMENTS:,} documents", Span(source.file, line))
            break
        root = _one(Source(source.file, "\n" * (line - 1) + text if line > 1 else text), report)
        if root is not None:
            found.append(InputDocument(root, line))
    return found


def _one(source: Source, report: Report, *, json: bool = False) -> Node | None:
    try:
        return read_json(source, report) if json else read_yaml(source, report)
    except Stop:
        return None


def _split(text: str) -> Iterator[tuple[int, str]]:
    """(line of its first character, text) of each document."""
    if "\n---" not in text and not text.startswith(("---", "%")):
        yield 1, text
        return
    starts = [m.start() for m in _MARK.finditer(text) if m[0] == "---"]
    head = text[: starts[0]] if starts else text
    if head.strip() and any(line.strip() and not line.lstrip().startswith(("#", "%")) for line in head.splitlines()):
        starts.insert(0, 0)
    elif starts:
        starts[0] = 0  # directives and comments before the first mark belong to its document
    line, at = 1, 0
    for number, start in enumerate(starts or [0]):
        end = starts[number + 1] if number + 1 < len(starts) else len(text)
        line += text.count("\n", at, start)
        at = start
        yield line, text[start:end]


def files_in(path: str, suffixes: tuple[str, ...], report: Report) -> list[str]:
    """``path`` itself, or the files with these suffixes below the folder, in order; links to folders are not followed."""
    if not os.path.isdir(path):
        return [path]
    found: list[str] = []
    for folder, below, names in os.walk(path):
        below.sort()
        below[:] = [name for name in below if not name.startswith(".")]
        found += [str(Path(folder) / name) for name in sorted(names) if name.endswith(suffixes)]
        if len(found) > MAX_FILES:
            report.error("file/too-large", f"{path} holds more than {MAX_FILES:,} files", Span(path))
            return []
    if not found:
        report.warning(
            "lint/nothing",
            f"{path} holds no {' or '.join(suffixes)} file",
            Span(path),
            help="name a file, or another folder",
        )
    return found
