"""An exporter in the making."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from ..runtime import Registry, Route
from ..runtime.claim import Claim
from ..runtime.records import dataclass, field
from ..runtime.shared import Closable, Shared
from .datagrams import DatagramServer
from .handed import Handed
from .http_events import BatchIds
from .intake import Intake
from .join import Join
from .process import Processes
from .senders import Senders

if TYPE_CHECKING:
    from .truth_poll import TruthPoll

T = TypeVar("T", bound=Closable)


@dataclass
class Lasting:
    """What outlives a reload: batches counted, clients seen, open sockets, predictions and truths, and the claims on both."""

    batches: BatchIds = field(default_factory=BatchIds)
    senders: Senders = field(default_factory=Senders)
    claims: Shared[Claim] = field(default_factory=lambda: Shared())
    servers: Shared[DatagramServer] = field(default_factory=lambda: Shared())
    joins: Shared[Join] = field(default_factory=lambda: Shared())
    processes: Processes = field(default_factory=Processes)
    intake: Intake | None = None
    truth_errors: Handed = field(default_factory=Handed)
    truth_delays: Handed = field(default_factory=Handed)


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

    def hold(self, shared: Shared[T], key: Hashable, make: Callable[[], T]) -> T:
        """What is shared under that key, until this exporter closes. ``close`` runs backwards: the last held goes first."""
        thing = shared.take(key, make)
        self.close.append(lambda: shared.give(key))
        return thing

    def hand(self, handed: Handed, family: Any) -> None:
        """Let the family go on where that of the running configuration stops, from when this one goes live."""
        if self.dry:
            handed.attach(family)
        else:
            self.start.append(lambda: handed.attach(family))

    @property
    def dry(self) -> bool:
        """Whether this is a check."""
        return self.polls is not None
