"""What became of the datagrams of each client: losses are seen by their numbers."""

from __future__ import annotations

from collections import OrderedDict

from ..runtime.records import dataclass

MAX_CLIENTS = 1024


@dataclass(slots=True)
class Sender:
    """One client: the event number that comes next, and how many events it dropped itself."""

    next_event: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one datagram's numbers say. ``lost`` events vanished on the way, ``dropped`` ones the client gave up."""

    lost: int = 0
    dropped: int = 0
    stale: bool = False


class Senders:
    """The clients seen last, at most ``MAX_CLIENTS``."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Sender] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def arrived(self, client: str, first: int, events: int, dropped: int) -> Arrival:
        """Note a datagram with ``events`` events after the ``first`` ones of that client.

        A client that is new here may have sent to another exporter before: only what it dropped is missing.
        ``stale`` is one that came before; its events are in already.
        """
        known = self._known.get(client)
        if known is None:
            self._known[client] = Sender(first + events, dropped)
            if len(self._known) > MAX_CLIENTS:
                self._known.popitem(last=False)
            return Arrival(dropped=dropped)
        self._known.move_to_end(client)
        if first < known.next_event:
            return Arrival(stale=True)
        given_up = max(dropped - known.dropped, 0)
        missing = first - known.next_event
        known.next_event = first + events
        known.dropped = max(dropped, known.dropped)
        # What a client drops from its queue has numbers as well; what it never numbered is only in ``dropped``.
        return Arrival(lost=max(missing - given_up, 0), dropped=given_up)
