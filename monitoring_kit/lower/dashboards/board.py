"""Laying panels out: reading order, in a grid of 24 columns, without overlap."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from monitoring_kit.conventions import panel_id
from monitoring_kit.diagnostics import Span
from monitoring_kit.lower.dashboards.library import library
from monitoring_kit.lower.tree import Branch

COLUMNS = 24


class Board:
    """The panels of one dashboard. Each gets a place behind the last one and an id from its key.

    A panel that does not fit beside the last ones starts a new line; a line is as high as its highest panel.
    """

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.panels: list[dict[str, Any]] = []
        self._into = self.panels
        self._ids: set[int] = set()
        self._x = self._y = self._line = 0
        self._after_row: int | None = None

    def add(self, key: str, panel: Branch, width: int | None = None, height: int | None = None) -> None:
        """Place ``panel``; its size is its type's when not given."""
        size = library()["panels"][panel["type"]]["size"]
        self._place(key, panel, width or size[0], height or size[1])

    def row(self, title: str, origin: Span | None = None, *, collapsed: bool = False) -> None:
        """Start a row. The panels of a collapsed one are stored inside it and only queried when it is opened."""
        self.end_row()
        row = Branch(origin, {"type": "row", "title": title, "collapsed": collapsed, "panels": []})
        self._place(f"row/{title}", row, COLUMNS, 1)
        self._newline()
        if collapsed:
            self._into = row["panels"]
            self._after_row = self._y

    def end_row(self) -> None:
        """Go on below the panels so far; below the row itself when it is collapsed."""
        self._newline()
        if self._after_row is not None:
            self._y, self._after_row, self._into = self._after_row, None, self.panels

    def _place(self, key: str, panel: Branch, width: int, height: int) -> None:
        if self._x + width > COLUMNS:
            self._newline()
        panel["id"] = self._id(key)
        panel["gridPos"] = _place_of(height, width, self._x, self._y)
        self._into.append(panel)
        self._x += width
        self._line = max(self._line, height)

    def _newline(self) -> None:
        self._y += self._line
        self._x = self._line = 0

    def _id(self, key: str) -> int:
        number = panel_id(self.uid, key)
        while number in self._ids:
            number += 1
        self._ids.add(number)
        return number


@lru_cache(4096)
def _place_of(height: int, width: int, x: int, y: int) -> dict[str, int]:
    """Shared: the services of one kind have the same panels in the same places."""
    return {"h": height, "w": width, "x": x, "y": y}
