"""Where every alert goes: amtool's word for each distinct label set that routing looks at, at quiet hours and outside them.

amtool knows neither the time nor inhibition: hours and inhibition come from ``Router``, which has to agree with amtool wherever amtool
can say something.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitoring_kit.conventions import ALERTMANAGER_YML
from monitoring_kit.emit import Output
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.alertmanager_simulate import Router
from monitoring_kit.lower.model import AlertingRule, Model
from monitoring_kit.resolve.system import System
from monitoring_kit.verify.programs import run

_RECEIVERS = re.compile(r"^[^\s].*$", re.MULTILINE)
# A Monday, so that the hours of a whole week follow.
_WEEK = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Route:
    """One alert: the channels that its ``notify`` names, those that get it in and outside quiet hours, and the alerts that hold
    it back while they fire. ``problem`` is empty when the channels are exactly the wanted ones."""

    alert: str
    service: str | None
    severity: str
    notify: tuple[str, ...]
    channels: tuple[str, ...]
    quiet_channels: tuple[str, ...] | None
    held_back_by: tuple[str, ...]
    problem: str = ""


@dataclass(slots=True)
class RouteProof:
    """The routes of all alerts; ``asked`` counts the label sets that amtool itself routed."""

    routes: list[Route] = field(default_factory=list)
    asked: int = 0
    quiet: datetime | None = None
    loud: datetime | None = None

    @property
    def failed(self) -> list[Route]:
        return [r for r in self.routes if r.problem]

    @property
    def unheard(self) -> list[Route]:
        """The routes that end at no channel: as the spec wants it, and still nobody is told."""
        return [r for r in self.routes if not r.channels]


def prove(
    system: System,
    model: Model,
    outputs: Mapping[str, Output],
    amtool: Path,
    folder: Path,
    done: Callable[[int], None] = lambda n: None,
) -> RouteProof:
    """Route every alert of ``model``; the emitted configuration is read from ``folder``."""
    router = Router(system, model)
    proof = RouteProof()
    hours = outputs[ALERTMANAGER_YML].tree.get("time_intervals", []) if ALERTMANAGER_YML in outputs else []
    proof.quiet, proof.loud = _hours(hours)
    alerts = list(model.alerts)
    labels = [full_labels(system, rule) for rule in alerts]
    relevant = _relevant(outputs[ALERTMANAGER_YML].tree["route"])
    sets = {tuple(sorted((k, v) for k, v in one.items() if k in relevant)) for one in labels}
    verdicts = _ask(amtool, folder, sorted(sets), done)
    proof.asked = len(sets)
    sources = list(zip(alerts, labels, strict=True))
    memo: dict[tuple[tuple[str, str], ...], tuple[str, ...]] = {}
    for rule, one in sources:
        key = tuple(sorted((k, v) for k, v in one.items() if k in relevant))
        proof.routes.append(
            _route(router, rule, one, verdicts[key], proof, _held_back(router, one, rule, sources, memo))
        )
    return proof


def full_labels(system: System, rule: AlertingRule) -> dict[str, str]:
    """The labels that routing sees of an alert, Prometheus' external ones included; those that its series bring are not known here
    and no route asks for them."""
    return {**system.external_labels, **rule.labels, "alertname": rule.name}


def _relevant(route: Mapping[str, Any]) -> set[str]:
    names = {re.split(r"[=!~]", str(m), maxsplit=1)[0].strip().strip('"') for m in route.get("matchers", ())}
    for child in route.get("routes", ()):
        names |= _relevant(child)
    return names


def quoted(value: str) -> str:
    """A label's value as both of amtool's parsers read it; the one since 0.27 warns among the answer about a bare comma."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _ask(
    amtool: Path, folder: Path, sets: Sequence[tuple[tuple[str, str], ...]], done: Callable[[int], None]
) -> dict[tuple[tuple[str, str], ...], list[str] | str]:
    def one(labels: tuple[tuple[str, str], ...]) -> list[str] | str:
        arguments = [f"{k}={quoted(v)}" for k, v in labels]
        result = run(amtool, ["config", "routes", "test", "--config.file", ALERTMANAGER_YML, *arguments], folder)
        done(1)
        return f"amtool: {result.text}" if result.failed else [r for r in result.out.strip().split(",") if r]

    with ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        return dict(zip(sets, pool.map(one, sets), strict=True))


def _route(
    router: Router,
    rule: AlertingRule,
    labels: Mapping[str, str],
    amtool: list[str] | str,
    proof: RouteProof,
    held: tuple[str, ...],
) -> Route:
    twin = router.receivers(labels)
    wanted = set(rule.notify)
    problem = ""
    if isinstance(amtool, str):
        problem = amtool
    elif sorted(amtool) != sorted(twin):
        problem = f"amtool routes it to {', '.join(amtool)}, the simulation to {', '.join(twin)}"
    reached = router.channels(labels, proof.loud)
    quiet = router.channels(labels, proof.quiet) if proof.quiet is not None else None
    if not problem and reached != wanted:
        missing, extra = sorted(wanted - reached), sorted(reached - wanted)
        problem = "; ".join(
            part
            for part in (
                f"not told: {', '.join(missing)}" if missing else "",
                f"told as well: {', '.join(extra)}" if extra else "",
            )
            if part
        )
    if not problem and quiet is not None and not quiet <= reached:
        problem = f"told at quiet hours only: {', '.join(sorted(quiet - reached))}"
    return Route(
        rule.name, rule.service, rule.severity, rule.notify, tuple(c for c in rule.notify if c in reached) + tuple(sorted(reached - wanted)),
        tuple(sorted(quiet)) if quiet is not None else None, held, problem,
    )  # fmt: skip


def _held_back(
    router: Router, labels: Mapping[str, str], rule: AlertingRule, sources: Sequence[tuple[AlertingRule, dict[str, str]]],
    memo: dict[tuple[tuple[str, str], ...], tuple[str, ...]],
) -> tuple[str, ...]:  # fmt: skip
    key = tuple(sorted(labels.items()))
    if key not in memo:
        # Beyond a few hundred alerts each pair is too many: those of the service and of what it depends on are what inhibits.
        memo[key] = tuple(
            dict.fromkeys(
                f"{other.service}/{other.name}" if other.service else other.name
                for other, theirs in _near(rule, sources)
                if other is not rule and router.inhibited(labels, [theirs])
            )
        )
    return memo[key]


def _near(
    rule: AlertingRule, sources: Sequence[tuple[AlertingRule, dict[str, str]]]
) -> Sequence[tuple[AlertingRule, dict[str, str]]]:
    if len(sources) <= 400:
        return sources
    return [s for s in sources if s[0].service in (rule.service, None)]


def _hours(intervals: Sequence[Mapping[str, Any]]) -> tuple[datetime | None, datetime | None]:
    """A moment at which nothing is delivered that quiet hours hold back, and one at which it is; (None, None) without them."""
    from monitoring_kit.lower.alertmanager_hours import active

    quiet = loud = None
    for minutes in range(0, 7 * 24 * 60, 15):
        moment = _WEEK + timedelta(minutes=minutes)
        now = any(active(i["time_intervals"], moment) for i in intervals)
        loud = loud or (moment if now else None)
        quiet = quiet or (None if now else moment)
    return (quiet, loud) if intervals else (None, None)
