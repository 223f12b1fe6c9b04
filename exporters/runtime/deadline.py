"""Deadlines on the monotonic clock."""

from __future__ import annotations

import time

from .records import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """A moment on the monotonic clock by which work must be done."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self.at

    def earliest(self, seconds: float | None) -> Deadline:
        """This deadline, or the one ``seconds`` from now when that comes first."""
        return self if seconds is None else min(self, Deadline.after(seconds))
