"""The page of each diagnostic code: ``pages/<area>/<name>.md`` beside this module."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).with_name("pages")


def page(code: str) -> str | None:
    """The page of ``code`` as Markdown; None for an unknown code."""
    if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", code):
        return None
    path = _FOLDER / f"{code}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def codes() -> list[str]:
    """Every code that has a page, ordered."""
    return sorted(p.relative_to(_FOLDER).with_suffix("").as_posix() for p in _FOLDER.glob("*/*.md"))


def summary_of(code: str) -> str | None:
    """The first sentence of a code's page: the paragraph under its title."""
    text = page(code)
    if text is None:
        return None
    paragraphs = [part.strip() for part in text.split("\n\n")]
    return " ".join(paragraphs[1].split()) if len(paragraphs) > 1 else None
