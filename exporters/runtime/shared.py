"""What a reload hands on: open sockets, files, locks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """Something that is closed once."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


class Shared(Generic[T]):
    """Things by key: made for their first holder, closed after the last.

    A configuration takes what it needs when it is built and gives it when it is closed: at a reload the new one takes
    before the old one gives, so what both need stays open, and a configuration that is refused closes only its own.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[T, int]] = {}

    def take(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of that key, from ``make`` when nobody holds one; for each ``take`` one ``give``."""
        found = self._held.get(key)
        thing, holders = found if found is not None else (make(), 0)
        self._held[key] = (thing, holders + 1)
        return thing

    def give(self, key: Hashable) -> None:
        """No longer needed by one holder."""
        thing, holders = self._held.pop(key)
        if holders > 1:
            self._held[key] = (thing, holders - 1)
        else:
            thing.close()

    def things(self) -> dict[Hashable, T]:
        """What is held now."""
        return {key: thing for key, (thing, _) in self._held.items()}
