"""How long the blocks are that promtool writes: as long as the server's own, and short enough for one query each.

``promtool tsdb create-blocks-from rules`` asks for one block at a time, one rule after the other, and syncs each to disk: two
hours a block, its default, make thousands of blocks of a few kilobytes out of a month. Source: prometheus/prometheus,
cmd/promtool/backfill.go ``getCompatibleBlockDuration`` (the lengths that blocks may have) and web/api/v1/api.go (a range query
has at most 11,000 points).
"""

from __future__ import annotations

_SHORTEST = 7200.0
_GROWTH, _STEPS = 3, 9
_MAX_POINTS = 11_000
_DAY = 86_400.0
# The server compacts up to a tenth of the retention, and to 31 days at most (cmd/prometheus/main.go).
_SHARE, _LONGEST = 10, 31 * _DAY


def own_block(retention: float) -> float:
    """The longest block, in seconds, that a Prometheus with this retention makes itself: longer ones would outlive it."""
    return max(_SHORTEST, min(retention / _SHARE, _LONGEST))


def block_argument(interval: float, at_most: float = _LONGEST) -> str:
    """promtool's option for the longest block of ``at_most`` seconds whose points, ``interval`` seconds apart, one query may
    ask for."""
    lengths = [_SHORTEST * _GROWTH**n for n in range(_STEPS)]
    fitting = [length for length in lengths if length <= min(at_most, _MAX_POINTS * interval)]
    return f"--max-block-duration={max(fitting, default=_SHORTEST):.0f}s"
