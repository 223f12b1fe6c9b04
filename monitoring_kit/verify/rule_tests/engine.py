"""What the engines of Prometheus' releases compute differently: a test's expected value depends on who judges it."""

from __future__ import annotations

from typing import NamedTuple


class Engine(NamedTuple):
    """The rules of one release.

    ``left_open``: a range is ``(t-r, t]``, since 3.0 (its release notes); before, ``[t-r, t]``.
    ``near_zero``: ``rate`` and ``increase`` extrapolate a counter back to its zero point only where that is nearer than half an
    interval or than the start of the range, since 2.51 (prometheus/prometheus#13725); before, also where it is farther.
    """

    left_open: bool = False
    near_zero: bool = False


OLDEST = Engine()


def engine_of(release: tuple[int, int] | None) -> Engine:
    """The engine of a release such as ``(2, 53)``; the oldest where it is not known."""
    if release is None:
        return OLDEST
    return Engine(left_open=release >= (3, 0), near_zero=release >= (2, 51))
