"""Units of values: seconds, bytes, timestamp, ratio, percent, events, and ``/s`` of each."""

from __future__ import annotations

PHYSICAL = frozenset(
    ("seconds", "bytes", "timestamp", "celsius", "volts", "amperes", "watts", "joules", "meters", "hertz")
)


def per_second(unit: str | None) -> str | None:
    """The unit of a rate."""
    return None if unit is None else f"{unit}/s"


def clash(left: str | None, right: str | None) -> bool:
    """True when two units are known and no sense can be made of adding or comparing them."""
    if left is None or right is None or left == right:
        return False
    bases = left.removesuffix("/s"), right.removesuffix("/s")
    if bases[0] == bases[1]:
        return bases[0] in PHYSICAL and bases[0] != "seconds"
    return bases[0] in PHYSICAL and bases[1] in PHYSICAL and set(bases) != {"timestamp", "seconds"}


def sum_unit(op: str, left: str | None, right: str | None, left_const: bool, right_const: bool) -> str | None:
    """The unit of ``left + right`` or ``left - right``."""
    if left_const and left is None:
        return right
    if right_const and right is None:
        return left
    if {left, right} == {"timestamp"}:
        return "seconds" if op == "-" else None
    if left == "timestamp" and right == "seconds":
        return "timestamp"
    return left if left == right else None


def product_unit(
    left: str | None, right: str | None, left_number: float | None, right_number: float | None
) -> str | None:
    """The unit of a product: a scale keeps only what it can name."""
    if left_number is not None and right_number is None:
        return _scaled(right, left_number)
    if right_number is not None:
        return _scaled(left, right_number)
    if left == "ratio":
        return right
    return left if right == "ratio" else None


def _scaled(unit: str | None, by: float) -> str | None:
    if by in (1, -1, 0):
        return unit
    if by == 100 and unit in ("ratio", "seconds/s"):
        return "percent"
    return None


def quotient_unit(left: str | None, right: str | None, right_number: float | None) -> str | None:
    """The unit of a quotient: equal units cancel, a rate over a rate too."""
    if right_number is not None:
        return "ratio" if right_number == 100 and left == "percent" else left if right_number in (1, -1) else None
    if left is None or right is None:
        return None
    if left == right:
        return "ratio"
    if left.endswith("/s") and right.endswith("/s"):
        left, right = left[:-2], right[:-2]
    if right == "events":
        return left
    if right.endswith("/s") and left == right[:-2]:
        return "seconds"
    return None
