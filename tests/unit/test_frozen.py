"""The compiler's dataclasses must be the standard library's in everything but what Python does on an assignment."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring_kit.frozen import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Ours:
    name: str
    parts: tuple[int, ...] = ()
    note: str = dataclasses.field(default="", compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Theirs:
    name: str
    parts: tuple[int, ...] = ()
    note: str = dataclasses.field(default="", compare=False, repr=False)


def test_equality_hash_order_text_and_replace_are_the_standard_librarys() -> None:
    a, b, c = Ours("a", (1,), "x"), Ours("a", (1,), "y"), Ours("b")
    assert (a == b, hash(a) == hash(b), a < c, a == c) == (True, True, True, False)
    assert hash(a) == hash(Theirs("a", (1,), "x"))
    assert repr(a).replace("Ours", "Theirs") == repr(Theirs("a", (1,), "x"))
    assert dataclasses.replace(a, name="z") == Ours("z", (1,))
    assert not hasattr(a, "__dict__")


def test_without_equality_identity_is_the_hash() -> None:
    @dataclass(frozen=True, eq=False)
    class Plain:
        value: list[int]

    one, other = Plain([1]), Plain([1])
    assert one != other
    assert len({one, other}) == 2


def test_an_own_text_stays_and_a_cycle_ends() -> None:
    @dataclass
    class Named:
        inner: object = None

        def __repr__(self) -> str:
            return "named"

    @dataclass
    class Ring:
        next: object = None

    ring = Ring()
    ring.next = ring
    assert repr(Named()) == "named"
    assert repr(ring).endswith("Ring(next=...)")


def test_the_type_checker_refuses_an_assignment(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    source = tmp_path / "assigns.py"
    source.write_text("from monitoring_kit.diagnostics import Span\n\nspan = Span('a')\nspan.line = 2\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=silent", str(source)], capture_output=True, text=True
    )
    assert 'Property "line" defined in "Span" is read-only' in done.stdout
