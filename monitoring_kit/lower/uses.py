"""Looking up the signal uses that a spec writes, with a word for every way it can go wrong."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.diagnostics import Note, Report, Span
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.resolve.signals import Signal, SignalUse, needed_series
from monitoring_kit.resolve.system import System
from monitoring_kit.resolve.uses import RawUse, UseError, read_whole_use
from monitoring_kit.spec.quantity import DIMENSIONS, Quantity
from monitoring_kit.spec.shapes import Item

# As many services are named in a message and pointed at.
_NAMED = 3
# A resource in the words of a message: what is assumed, and what to write.
_TAKEN = {"cpu": "1 core", "memory": "1 GiB"}
_WRITE = {"cpu": "cpu: 2", "memory": "memory: 1GiB"}


def find_use(raw: RawUse, signal: Signal) -> SignalUse:
    """The use of ``signal`` that ``raw`` asks for, defaults filled in."""
    quantile = (raw.quantile if raw.quantile is not None else signal.quantile) if signal.histogram is not None else None
    window = (raw.window or signal.window) if signal.windowed else None
    return SignalUse(signal, quantile, window)


def check_use(raw: RawUse, signal: Signal, item: Item, key: str, report: Report) -> bool:
    """Report arguments that the signal does not take."""
    if raw.quantile is not None and signal.histogram is None:
        report.error(
            "signals/argument",
            f"`{raw.name}` is no histogram and has no quantiles",
            item.at(key, raw.start, raw.end),
            help=f"write `{raw.name}`",
        )
        return False
    if raw.window is not None and not signal.windowed:
        report.error(
            "signals/argument", f"`{raw.name}` is a value of the moment and takes no window", item.at(key, raw.start, raw.end),
            help=f"write `{raw.name}`, and use `for:` to ask that it lasts",
        )  # fmt: skip
        return False
    return True


def known_signals(system: System, services: tuple[str, ...] = ()) -> set[str]:
    """The names of all signals of some services; of all services when none are named."""
    chosen = [system.services[s] for s in services if s in system.services] or list(system.services.values())
    return {name for view in chosen for name in view.signals}


def unknown_signal(
    system: System, raw: RawUse, services: tuple[str, ...], item: Item, key: str, report: Report
) -> None:
    """Report a signal that none of the services has."""
    known = known_signals(system, services)
    span = item.at(key, raw.start, raw.start + len(raw.name))
    kinds = {v.pack.kind for n, v in system.services.items() if not services or n in services}
    packs = {v.pack.kind: v.pack for v in system.services.values()}
    for kind in sorted(kinds):
        if raw.name in packs[kind].signals:
            lacking = sorted(needed_series(packs[kind].signals[raw.name]))
            needs = ", ".join(f"`{series}`" for series in lacking)
            standing = {n: s.name or "" for e in system.exporters for n, s in e.loaded.stands_for.items()}
            served = {found for n in lacking if (found := system.registry.dormant.get(standing.get(n, "")))}
            declare = "declare the metric under `metrics:`, or map its own name with the service's `metrics:`"
            report.error(
                "signals/unavailable", f"the signal `{raw.name}` needs {needs}, which the spec does not declare for these services", span,
                help=f"have its exporter measure it with {min(served)}" if served else declare,
            )  # fmt: skip
            return
    for exporter in system.exporters:
        series = exporter.dormant.get(raw.name)
        if series is not None and (not services or exporter.service in services):
            written = system.registry.dormant.get(series, f"`exporters.{exporter.name}`")
            report.error(
                "signals/unavailable", f"the signal `{raw.name}` needs `{series}`, which nothing exposes as the spec stands", span,
                help=f"it is served once the spec has {written}",
            )  # fmt: skip
            return
    names = ", ".join(services) or "any service"
    report.error(
        "spec/unknown-signal",
        f"there is no signal `{raw.name}` of {names}",
        span,
        help=did_you_mean(raw.name, known, "signals"),
    )


def check_limit(system: System, signal: str, services: Iterable[str], span: Span, report: Report) -> None:
    """Report that ``signal`` is asked for at ``span`` of services for which it is a share of what the spec does not state: an
    assumed core or GiB makes an alert false, but only the author knows the right one."""
    lacking = [view for name in services if signal in (view := system.services[name]).unlimited]
    if not lacking:
        return
    missing = lacking[0].unlimited[signal]
    names = ", ".join(f"`{view.name}`" for view in lacking[:_NAMED])
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    taken = " and ".join(_TAKEN[name] for name in missing)
    write = ", ".join(_WRITE[name] for name in missing)
    report.warning(
        "signals/no-limit", f"`{signal}` of {names}{more} is taken as a share of {taken}: the spec does not say what an instance may use", span,
        help=f"write it into the service: `resources: {{{write}}}`", notes=tuple(Note(view.origin, "this service") for view in lacking[:_NAMED]),
    )  # fmt: skip


def whole_use(item: Item, key: str, text: str, report: Report) -> RawUse | None:
    """The signal use that the value of ``key`` consists of, or None after reporting."""
    try:
        return read_whole_use(text)
    except UseError as error:
        report.error("signals/syntax", error.message, item.at(key, error.start, error.end), help=error.help)
        return None


def threshold_in(signal: Signal, threshold: Quantity) -> float | None:
    """The threshold in the signal's base unit, or None when its unit does not fit.

    A bare number fits number signals, and ratios from 0 to 1, rates per second included.
    """
    if threshold.dimension == signal.unit:
        return threshold.value
    if threshold.dimension == "number" and (
        threshold.value == 0 or (signal.unit == "ratio" and 0 <= threshold.value <= 1)
    ):
        return threshold.value
    return None


# Nobody waits so many seconds for an answer: who writes such a bare number thinks in milliseconds.
MILLISECONDS_FROM = 100


def unit_help(signal: Signal, threshold: Quantity) -> str:
    """What to write instead of a threshold in the wrong unit."""
    example = {
        "ratio": "5%",
        "seconds": "2s",
        "bytes": "512MB",
        "per_second": "100/s",
        "bytes_per_second": "10MB/s",
        "number": "10",
    }
    if signal.unit == "ratio" and threshold.dimension == "number" and threshold.value > 1:
        return f"did you mean `{threshold.text}%`?"
    if signal.unit == "seconds" and threshold.dimension == "number":
        return f"did you mean `{threshold.text}{'ms' if threshold.value >= MILLISECONDS_FROM else 's'}`?"
    return f"`{signal.name}` is {DIMENSIONS[signal.unit].replace('written', 'for example')}: write `{signal.name} > {example[signal.unit]}`"
