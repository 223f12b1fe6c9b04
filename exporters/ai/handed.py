"""Families whose series go on over a reload, although each configuration declares its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from ..runtime import HistogramChild, MetricSpec

log = logging.getLogger(__name__)


def succeed(old: Any, new: Any) -> None:
    """Put the series of a live family into its successor of the same name, which has none but zeros.

    It needs the same type, label names and buckets; otherwise the metric starts anew, and the log says why. Label sets that
    the new declaration does not allow are left out.
    """
    if old.name != new.name:
        return
    if change := _change(old.spec, new.spec):
        if any(map(_counted, old.children())):
            log.warning("a metric starts anew: its values do not fit the new declaration",
                        extra={"metric": new.name, "changed": change})  # fmt: skip
        return
    if left := sum(not _carry(child, old, new) for child in old.children()):
        log.warning("series are left out: the new declaration does not allow them",
                    extra={"metric": new.name, "label_sets": left})  # fmt: skip


def _change(old: MetricSpec, new: MetricSpec) -> str:
    """What keeps values of ``old`` from being values of ``new``; "" when they can be."""
    if old.kind != new.kind:
        return f"type, from {old.kind} to {new.kind}"
    if set(old.label_names) != set(new.label_names):
        return f"labels, from [{', '.join(old.label_names)}] to [{', '.join(new.label_names)}]"
    if old.buckets != new.buckets:
        return f"buckets, from {list(old.buckets)} to {list(new.buckets)}"
    return f"native, from {old.native} to {new.native}" if old.native != new.native else ""


def _counted(child: Any) -> bool:
    return bool(sum(child.counts) if isinstance(child, HistogramChild) else child.value)


def _carry(child: Any, old: Any, new: Any) -> bool:
    """Put one series into ``new``; False when it does not allow it."""
    named = dict(zip(old.label_names, child.values, strict=True))
    values = tuple(named[name] for name in new.label_names)
    valid = new.spec.valid if new.kind == "gauge" else None
    if not new.admits(values) or (valid is not None and not valid[0] <= child.value <= valid[1]):
        return False
    heir = new.labels(*values)
    if isinstance(heir, HistogramChild):
        heir.merge(child.snapshot())
    elif new.kind == "counter":
        heir.inc(child.value)
    else:
        heir.set(child.value)
    if child.created and heir.created:
        heir.created = child.created
    return True


class Handed:
    """Writes to the family of the configuration in force, so that nothing a replaced one still counts is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._family: Any = None

    def attach(self, family: Any) -> None:
        """Go on in ``family``; it starts with what its predecessor had, see ``succeed``."""
        with self._lock:
            old, self._family = self._family, family
            if old is not None:
                succeed(old, family)

    def write(self, write: Callable[[Any], None]) -> None:
        """Call ``write`` with the family in force; nothing happens before the first."""
        with self._lock:
            if self._family is not None:
                write(self._family)
