"""Log lines as logfmt or JSON on stderr, with a handler that never raises."""

from __future__ import annotations

import logging
import sys
import time

LEVELS = ("debug", "info", "warn", "error")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, str]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    level = {"warning": "warn", "critical": "error"}.get(record.levelname.lower(), record.levelname.lower())
    fields = {"ts": f"{stamp}.{int(record.msecs):03}Z", "level": level, "msg": record.getMessage()}
    fields.update((key, str(value)) for key, value in vars(record).items() if key not in _STANDARD)
    if record.exc_info and record.exc_info[0] is not None:
        # Never the text or the traceback: a driver's exception may quote a password.
        fields["exception"] = record.exc_info[0].__name__
    return fields


class LogfmtFormatter(logging.Formatter):
    """``ts=... level=info msg="..." key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quote(value)}" for key, value in _fields(record).items())


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        import json

        return json.dumps(_fields(record), ensure_ascii=False)


def _quote(value: str) -> str:
    if value and value.isprintable() and not any(char in value for char in ' ="\\'):
        return value
    text = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text) + '"'


def configure(level: str, form: str) -> None:
    """Send all records of at least ``level`` (debug, info, warn, error) to stderr as ``logfmt`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else LogfmtFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel({"warn": "WARNING"}.get(level, level.upper()))
    logging.raiseExceptions = False
