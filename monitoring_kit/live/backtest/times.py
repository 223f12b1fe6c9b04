"""Points in time as users write them: `2026-01-31T08:00:00Z`, `2026-01-31`, `-7d`, `now`, Unix seconds."""

from __future__ import annotations

from datetime import UTC, datetime

from monitoring_kit.spec.quantity import Duration


def parse_time(text: str, now: int) -> int:
    """Unix milliseconds. A time without a zone is UTC; ``-7d`` counts back from ``now``. ValueError says what is wrong."""
    text = text.strip()
    if text == "now":
        return now
    if text.startswith("-"):
        return now - Duration.of(text[1:]).ms
    try:
        return round(float(text) * 1000)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"`{text}` is no time; write 2026-01-31T08:00:00Z, 2026-01-31, -7d, now or Unix seconds"
        ) from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def show_time(ms: int) -> str:
    """RFC 3339 in UTC, with milliseconds only where there are some."""
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")


def show_span(ms: int) -> str:
    """A length of time in its two largest units: `1h5m`, `45s`."""
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    parts: list[str] = []
    left = ms // 1000
    for size, name in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if left >= size and len(parts) < 2:
            parts.append(f"{left // size}{name}")
            left %= size
    return "".join(parts)
