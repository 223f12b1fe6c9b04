"""``POST /v1/events``: acknowledged batches for other hosts and languages.

Body: ``{"batch_id": "...", "events": [...]}``. An event is one of ``{"metric", "labels", "inc": 1}``,
``{"metric", "labels", "set": 3}``, ``{"metric", "labels", "observe": 0.02 | [..]}``,
``{"prediction": 12, "key": {...}, "time": unix, "labels": {...}}``, ``{"truth": 11, "key": {...}, ...}``; ``time`` is that of
arrival where it is missing.

204 the batch is counted (again: a known batch_id is answered so and changes nothing; ``X-Mkit-Dropped`` says how many of
its events were not), 400 it is malformed, 413 it is too large, 429 or 503 come back after ``Retry-After`` with the same batch_id.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ..runtime import Request, Response
from .intake import Intake

MAX_BODY = 1 << 20
MAX_EVENTS = 10_000
MAX_IN_FLIGHT = 8
MAX_BATCH_IDS = 20_000
BATCH_ID_SECONDS = 3600.0


class BatchIds:
    """The batches counted in the last hour, at most ``MAX_BATCH_IDS``."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def find(self, batch_id: str) -> int | None:
        """How many events of that batch were dropped, None when it was not counted yet."""
        found = self._seen.get(batch_id)
        return None if found is None or found[0] < time.monotonic() - BATCH_ID_SECONDS else found[1]

    def add(self, batch_id: str, dropped: int) -> None:
        """Remember a counted batch."""
        self._seen[batch_id] = (time.monotonic(), dropped)
        self._seen.move_to_end(batch_id)
        while len(self._seen) > MAX_BATCH_IDS:
            self._seen.popitem(last=False)


class Bucket:
    """A token bucket over events a second; one second's worth may come at once. Call under a lock."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = rate
        self._at = time.monotonic()

    def take(self, events: int) -> float:
        """0 when the events may come, else the seconds to wait."""
        now = time.monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        # A batch larger than the bucket passes when the bucket is full.
        needed = min(float(events), self._rate)
        if self._tokens >= needed:
            self._tokens -= events
            return 0.0
        return (needed - self._tokens) / self._rate


class EventsHandler:
    """Serves the route. ``ids`` outlives reloads, so that a retry over a reload is still recognised."""

    def __init__(self, intake: Intake, rate: float, ids: BatchIds) -> None:
        self._intake = intake
        self._ids = ids
        self._slots = threading.BoundedSemaphore(MAX_IN_FLIGHT)
        self._turn = threading.Lock()
        self._bucket = Bucket(rate)

    def __call__(self, request: Request) -> Response:
        if not self._slots.acquire(blocking=False):
            return _later(1.0)
        try:
            return self._answer(request)
        finally:
            self._slots.release()

    def too_large(self) -> None:
        """A body over ``MAX_BODY`` was refused unread: one of each batch, as nobody knows how many events it had."""
        self._intake.refuse("http", ["too_large"])

    def _answer(self, request: Request) -> Response:
        try:
            body = json.loads(request.body)
            batch_id, events = _batch(body)
            items = [_item(event) for event in events[: MAX_EVENTS + 1]]
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
            self._intake.refuse("http", ["malformed"])
            text = str(error) if isinstance(error, _Malformed) else "not a batch of events"
            return Response(400, f"{text}\n".encode())
        if len(events) > MAX_EVENTS:
            self.too_large()
            return Response(413, f"more than {MAX_EVENTS} events\n".encode())
        # One batch after another: a retry that overtakes its first try must wait for it.
        with self._turn:
            known = self._ids.find(batch_id)
            if known is not None:
                self._intake.refuse("http", ["duplicate_batch"])
                return _counted(known)
            wait = self._bucket.take(len(items))
            if wait > 0:
                return _later(wait)
            try:
                dropped = self._intake.items("http", items, batches=1)
            except sqlite3.Error:
                return Response(503, b"the state file cannot be written\n", headers={"Retry-After": "5"})
            self._ids.add(batch_id, dropped)
        return _counted(dropped)


class _Malformed(ValueError):
    """What is wrong with the body, fit to be shown."""


def _batch(body: Any) -> tuple[str, list[Any]]:
    if not isinstance(body, Mapping):
        raise _Malformed("expected an object with batch_id and events")
    batch_id, events = body.get("batch_id"), body.get("events")
    if not isinstance(batch_id, str) or not 1 <= len(batch_id) <= 128:
        raise _Malformed("batch_id must be text of 1 to 128 characters, another one for each batch")
    if not isinstance(events, list):
        raise _Malformed("events must be a list")
    return batch_id, events


def _item(event: Any) -> list[Any]:
    """An event as an item of the wire. One that is not an object with exactly one verb becomes a malformed item."""
    if not isinstance(event, Mapping):
        return ["?"]
    labels = event.get("labels") or {}
    verbs = [verb for verb in ("inc", "set", "observe", "prediction", "truth") if verb in event]
    if len(verbs) != 1:
        return ["?"]
    verb = verbs[0]
    value = event[verb]
    if verb in ("prediction", "truth"):
        # Where the key has no time, the client and the table's poll send the time of arrival too.
        when = event.get("time")
        return [verb[0], event.get("key"), value, time.time() if when is None else when, labels]
    name = event.get("metric")
    if verb == "inc":
        return ["c", name, labels, value, 1]
    if verb == "set":
        return ["g", name, labels, value]
    return ["h", name, labels, value if isinstance(value, list) else [value]]


def _counted(dropped: int) -> Response:
    return Response(204, headers={"X-Mkit-Dropped": str(dropped)} if dropped else {})


def _later(seconds: float) -> Response:
    return Response(429, b"too many events\n", headers={"Retry-After": str(max(1, round(seconds + 0.5)))})
