"""Who answers for something."""

from __future__ import annotations

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.shapes import NAME, TEXT, Item, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner(Item):
    """Who answers for it."""

    team: str = key(NAME, "Team; becomes the label `team`.", required=True)
    email: str | None = key(TEXT, "Address of the team.")
    slack: str | None = key(TEXT, "Chat channel of the team.")
