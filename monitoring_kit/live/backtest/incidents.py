"""Labelled incidents, and how well the alerts found them: precision, recall, time to detect.

YAML: a list (or a mapping with ``incidents:``) of ``{name, start, end, service, alerts}``; CSV: a header line with these
columns, several alerts separated by spaces. ``name``, ``service`` and ``alerts`` are optional: they narrow which firings count.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from monitoring_kit.live.backtest.errors import BacktestError
from monitoring_kit.live.backtest.machine import Firing
from monitoring_kit.live.backtest.times import parse_time

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_INCIDENTS = 100_000
_KEYS = ("name", "start", "end", "service", "alerts")


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which something was wrong, in Unix milliseconds; without ``alerts`` and ``service`` any firing may find it."""

    name: str
    start: int
    end: int
    service: str | None = None
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An incident with the first firing that found it: ``after`` milliseconds from its start; None when it was missed."""

    incident: Incident
    alert: str | None
    after: int | None


@dataclass(slots=True)
class Score:
    """``precision`` is the share of firings that overlap an incident, ``recall`` the share of incidents that a firing found;
    None where there is nothing to divide by."""

    found: list[Found] = field(default_factory=list)
    true: int = 0
    false: int = 0

    @property
    def precision(self) -> float | None:
        return self.true / (self.true + self.false) if self.true + self.false else None

    @property
    def recall(self) -> float | None:
        return sum(f.alert is not None for f in self.found) / len(self.found) if self.found else None

    @property
    def detect(self) -> int | None:
        """The median time to detect, in milliseconds."""
        times = sorted(f.after for f in self.found if f.after is not None)
        return times[len(times) // 2] if times else None


def score(incidents: Sequence[Incident], firings: Iterable[Firing], slack: int = 0) -> Score:
    """Match firings with incidents. A firing belongs to an incident that it overlaps, up to ``slack`` ms after its end: alerts on
    windows go on for a while. One that began before the incident finds it at once (after 0)."""
    result = Score()
    ordered = sorted(firings, key=lambda f: f.start)
    best: dict[int, Firing] = {}
    for firing in ordered:
        matched = False
        for index, incident in enumerate(incidents):
            if _belongs(firing, incident, slack):
                matched = True
                if firing.start <= incident.end:
                    best.setdefault(index, firing)
        if matched:
            result.true += 1
        else:
            result.false += 1
    for index, incident in enumerate(incidents):
        first = best.get(index)
        after = None if first is None else max(first.start - incident.start, 0)
        result.found.append(Found(incident, first.alert if first else None, after))
    return result


def _belongs(firing: Firing, incident: Incident, slack: int) -> bool:
    if incident.alerts and firing.alert not in incident.alerts:
        return False
    if incident.service is not None and firing.labels.get("service", incident.service) != incident.service:
        return False
    return firing.start <= incident.end + slack and (firing.end is None or firing.end > incident.start)


def read_incidents(path: Path) -> list[Incident]:
    """The incidents of a YAML or CSV file. Raises BacktestError that names the line or entry."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise _wrong(path, str(error.strerror)) from None
    except UnicodeDecodeError:
        raise _wrong(path, "not UTF-8 text") from None
    if len(raw) > MAX_FILE_BYTES:
        raise _wrong(path, f"larger than {MAX_FILE_BYTES} bytes")
    rows = _csv_rows(path, text) if path.suffix.lower() == ".csv" else _yaml_rows(path, text)
    found = [_incident(path, where, row) for where, row in rows]
    if not found:
        raise _wrong(path, "no incident in it")
    if len(found) > MAX_INCIDENTS:
        raise _wrong(path, f"{len(found)} incidents; at most {MAX_INCIDENTS} are read")
    return found


def _yaml_rows(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    import yaml

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise _wrong(path, where + str(getattr(error, "problem", None) or "no YAML")) from None
    entries = data.get("incidents") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise _wrong(path, "neither a list of incidents nor a mapping with `incidents:`")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise _wrong(path, f"incident {number} is no mapping")
    return [(f"incident {number}", entry) for number, entry in enumerate(entries, start=1)]


def _csv_rows(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows: list[tuple[str, Mapping[str, Any]]] = []
        for row in reader:
            if None in row:
                raise _wrong(path, f"line {reader.line_num}: more values than columns")
            rows.append((f"line {reader.line_num}", {k.strip(): v for k, v in row.items() if v not in (None, "")}))
        return rows
    except csv.Error as error:
        raise _wrong(path, f"line {reader.line_num}: {error}") from None


def _incident(path: Path, where: str, row: Mapping[str, Any]) -> Incident:
    unknown = sorted(str(key) for key in row if key not in _KEYS)
    if unknown:
        raise _wrong(path, f"{where}: unknown key `{unknown[0]}`; an incident has {', '.join(_KEYS)}")
    start, end = (_time(path, where, row, key) for key in ("start", "end"))
    if end <= start:
        raise _wrong(path, f"{where}: it ends ({row['end']}) before it starts ({row['start']})")
    alerts = row.get("alerts") or ()
    names = tuple(alerts.replace(",", " ").split()) if isinstance(alerts, str) else tuple(map(str, alerts))
    service = row.get("service")
    return Incident(str(row.get("name") or where), start, end, str(service) if service else None, names)


def _time(path: Path, where: str, row: Mapping[str, Any], key: str) -> int:
    value = row.get(key)
    if value is None:
        raise _wrong(path, f"{where}: `{key}` is missing")
    # YAML reads a bare time as one of these already.
    text = value.isoformat() if isinstance(value, datetime | date) else str(value)
    try:
        if text.startswith("-") or text == "now":
            raise ValueError(f"`{text}` is not a fixed time")
        return parse_time(text, 0)
    except (ValueError, OverflowError) as error:
        raise _wrong(path, f"{where}: {key}: {error}") from None


def _wrong(path: Path, message: str) -> BacktestError:
    return BacktestError(
        "backtest/incidents", f"{path}: {message}", "see `mkit explain backtest/incidents` for the format"
    )
