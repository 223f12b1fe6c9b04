"""Trees: the model of a file that mkit writes, as plain data that remembers which spec line made it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Mapping, written


class Branch(dict[str, Any]):
    """A mapping of the output with the spec position it comes from; None values are left out when it is made."""

    __slots__ = ("origin",)

    def __init__(self, origin: Span | None = None, items: dict[str, Any] | None = None, **more: Any) -> None:
        entries = more if items is None else {**items, **more} if more else items
        super().__init__(
            entries if None not in entries.values() else {k: v for k, v in entries.items() if v is not None}
        )
        self.origin = origin


@dataclass(frozen=True, slots=True)
class OutFile:
    """One file to write.

    ``tree`` is a Branch (or list) for ``kind`` yaml and json, and the finished text for ``text``. ``mode`` is the file mode:
    0644 for most, 0640 for files that name secret files, 0600 for web configurations. ``origin`` is the part of the spec that
    a text is about, ``line_origins`` what its lines come from (None for a default), ``line_keys`` the keys of the spec that
    change them ("" where none does); a tree's branches have theirs.
    """

    path: str
    kind: str
    tree: Any
    mode: int = 0o644
    origin: Span | None = None
    line_origins: tuple[Span | None, ...] = ()
    line_keys: tuple[str, ...] = ()


def flags_file(path: str, spec: Mapping, flags: Iterable[tuple[str, tuple[str, ...]]]) -> OutFile:
    """A file of command-line flags, one a line as ``@file`` reads them, each with the path of the key in ``spec`` that sets it:
    written there or not, and empty for a flag that no key changes."""
    lines = list(flags)
    text = "".join(f"{line}\n" for line, _ in lines)
    origins = tuple(written(spec, *key) for _, key in lines)
    return OutFile(path, "text", text, line_origins=origins, line_keys=tuple(".".join(key) for _, key in lines))


def without_empty(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs whose value is neither None nor an empty list, mapping or text."""
    return {k: v for k, v in items if v is not None and v != [] and v != {} and v != ""}
