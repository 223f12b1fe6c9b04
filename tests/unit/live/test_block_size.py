"""The blocks that promtool writes: never more points than a query may have, never longer than the server's own."""

from __future__ import annotations

import pytest

from monitoring_kit.live.block_size import block_argument, own_block

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("interval", "hours"),
    # 2 h x 3^n below 11,000 points: 45.8 h at 15 s, 91.7 h at 30 s, 183 h at a minute, 917 h at five.
    [(15, 18), (30, 54), (60, 162), (300, 486), (0.5, 2)],
)
def test_one_query_has_at_most_11000_points(interval: float, hours: int) -> None:
    assert block_argument(interval) == f"--max-block-duration={hours * HOUR}s"
    assert hours == 2 or hours * HOUR / interval <= 11_000


@pytest.mark.parametrize(("days", "hours"), [(0.5, 2), (15, 18), (40, 54), (100, 162), (400, 486)])
def test_blocks_are_no_longer_than_the_servers_own(days: float, hours: int) -> None:
    """A tenth of the retention, 31 days at most."""
    assert block_argument(300, own_block(days * DAY)) == f"--max-block-duration={hours * HOUR}s"
    assert hours == 2 or hours / 24 <= min(days / 10, 31)
