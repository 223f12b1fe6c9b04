"""Content negotiation as Prometheus' "Scrape protocol content negotiation" describes it."""

from __future__ import annotations

from .records import dataclass

ESCAPINGS = ("underscores", "allow-utf-8", "dots", "values")


@dataclass(frozen=True, slots=True)
class Format:
    """A chosen exposition: ``form`` is text, openmetrics or protobuf; ``escaping`` how UTF-8 names are written."""

    form: str
    content_type: str
    escaping: str = "underscores"


TEXT = Format("text", "text/plain; version=0.0.4; charset=utf-8")


def negotiate(accept: str) -> Format:
    """The supported format with the highest q; ties go to the one named first; text 0.0.4 when nothing fits."""
    best, best_q = TEXT, 0.0
    for item in accept.split(",")[:32]:
        media, *pairs = (part.strip() for part in item.split(";"))
        parameters = dict(_pair(pair) for pair in pairs)
        q = _quality(parameters.get("q"))
        if q <= best_q:
            continue
        found = _format(media.lower(), parameters)
        if found is not None:
            best, best_q = found, q
    return best


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key.strip().lower(), value.strip().strip('"')


def _quality(text: str | None) -> float:
    if text is None:
        return 1.0
    try:
        q = float(text)
    except ValueError:
        return 0.0
    return q if 0.0 <= q <= 1.0 else 0.0


def _format(media: str, parameters: dict[str, str]) -> Format | None:
    escaping = parameters.get("escaping", "underscores")
    # The page and the code upstream disagree on the spelling; both are in use.
    escaping = {"allow-utf8": "allow-utf-8"}.get(escaping, escaping)
    if escaping not in ESCAPINGS:
        escaping = "underscores"
    suffix = f"; escaping={escaping}"
    version = parameters.get("version")
    if media == "application/openmetrics-text" and version in (None, "0.0.1", "1.0.0"):
        shown = version or "1.0.0"
        tail = suffix if shown == "1.0.0" else ""
        kept = escaping if tail else "underscores"
        return Format("openmetrics", f"application/openmetrics-text; version={shown}; charset=utf-8{tail}", kept)
    if media == "application/vnd.google.protobuf":
        wanted = parameters.get("proto", "io.prometheus.client.MetricFamily")
        if wanted != "io.prometheus.client.MetricFamily" or parameters.get("encoding", "delimited") != "delimited":
            return None
        named = suffix if "escaping" in parameters else ""
        kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        return Format("protobuf", kind + named, escaping)
    if media in ("text/plain", "text/*") and version in (None, "0.0.4"):
        return TEXT
    if media == "text/plain" and version == "1.0.0":
        return Format("text", f"text/plain; version=1.0.0; charset=utf-8{suffix}", escaping)
    return TEXT if media == "*/*" else None


def accepts_gzip(header: str) -> bool:
    """Whether an ``Accept-Encoding`` header allows gzip."""
    wildcard = False
    for item in header.lower().split(",")[:16]:
        coding, *pairs = (part.strip() for part in item.split(";"))
        wanted = _quality(dict(_pair(pair) for pair in pairs).get("q")) > 0
        if coding in ("gzip", "x-gzip"):
            return wanted
        wildcard = wildcard or (coding == "*" and wanted)
    return wildcard
