"""Markdown (CommonMark with GitHub's tables) from text that users wrote: nothing of it may turn into markup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

_MARKUP = str.maketrans(
    {**{c: f"\\{c}" for c in "\\`*_[]|~#"}, "<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " ", "\r": " ", "\t": " "}
)
_BAR = re.compile(r"(?<!\\)\|")
_BLOCK_START = re.compile(r"^(\d*)([-+=.)])")


@lru_cache(maxsize=4096)
def text(value: str) -> str:
    """``value`` as one line of running text that shows as written."""
    return _BLOCK_START.sub(r"\1\\\2", value.translate(_MARKUP).strip())


@lru_cache(maxsize=4096)
def code(value: str) -> str:
    """``value`` as a code span on one line."""
    flat = " ".join(value.split())
    ticks = "`" * (_longest_run(flat) + 1)
    pad = " " if flat[:1] == "`" or flat[-1:] == "`" else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def fence(value: str, language: str) -> str:
    """``value`` as a code block."""
    ticks = "`" * max(3, _longest_run(value) + 1)
    return f"{ticks}{language}\n{value}\n{ticks}"


def link(label: str, url: str) -> str:
    """A link; ``label`` is markup already, ``url`` is not."""
    return f"[{label}]({quote(url, safe=_URL_SAFE)})"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; cells are markup already. Empty cells show a dash. A bar ends a cell even inside a code span."""
    names = list(head)
    lines = [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(markup: str) -> str:
    return _BAR.sub(r"\\|", markup) if "|" in markup else markup or "–"


def bullets(items: Iterable[str]) -> str:
    """A list; items are markup already."""
    return "\n".join(f"- {item}" for item in items)


def numbered(items: Iterable[str]) -> str:
    """A numbered list; items are markup already."""
    return "\n".join(f"{number}. {item}" for number, item in enumerate(items, start=1))


def page(*blocks: str) -> str:
    """Blocks as one page; empty blocks are left out."""
    return "\n\n".join(block for block in blocks if block) + "\n"


def section(title: str, *blocks: str, level: int = 2) -> str:
    """A heading and what stands below it; nothing at all when there is nothing below. ``title`` is plain text."""
    body = [block for block in blocks if block]
    return "\n\n".join([f"{'#' * level} {text(title)}", *body]) if body else ""


_URL_SAFE = "/:?#@!$&'*+,;=%~-._"


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall("`+", value)), default=0)
