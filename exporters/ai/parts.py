"""An exporter in the making."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..runtime import Registry, Route
from ..runtime.records import dataclass, field
from .datagrams import DatagramServer
from .http_events import BatchIds
from .intake import Intake
from .join import Join
from .process import Processes
from .senders import Senders

if TYPE_CHECKING:
    from .truth_poll import TruthPoll


@dataclass
class Lasting:
    """What outlives a reload: batches counted, clients seen, open sockets, predictions and truths."""

    batches: BatchIds = field(default_factory=BatchIds)
    senders: Senders = field(default_factory=Senders)
    servers: dict[str, DatagramServer] = field(default_factory=dict)
    joins: dict[str, Join] = field(default_factory=dict)
    processes: Processes = field(default_factory=Processes)
    intake: Intake | None = None


@dataclass
class Parts:
    """What the parts of a configuration are added to. ``polls`` is a list in a check, which touches no socket and no state."""

    registry: Registry
    intake: Intake
    model: tuple[str, str]
    polls: list[TruthPoll] | None
    routes: list[Route] = field(default_factory=list)
    start: list[Callable[[], None]] = field(default_factory=list)
    close: list[Callable[[], None]] = field(default_factory=list)

    @property
    def dry(self) -> bool:
        """Whether this is a check."""
        return self.polls is not None
