"""Reading files: the only place where the compiler touches the input side of the world."""

from __future__ import annotations

import os
from pathlib import Path

from monitoring_kit.diagnostics import Report, Source, Span, Stop
from monitoring_kit.load.limits import MAX_FILE_BYTES


def read_source(path: str | Path, report: Report, wanted_by: Span | None = None) -> Source:
    """The text of ``path`` as UTF-8. A missing, unreadable, too large or undecodable file is reported at
    ``wanted_by`` (the include that names it) or at the file itself, and raises ``Stop``."""
    name = str(path)
    span = wanted_by or Span(name)
    try:
        size = os.stat(path).st_size
        if Path(path).is_dir():
            _stop(report, "file/unreadable", f"{name} is a folder", span, "name the spec file itself")
        if size > MAX_FILE_BYTES:
            _stop(
                report, "file/too-large", f"{name} is {size / 1048576:.0f} MiB; a spec may be {MAX_FILE_BYTES >> 20} MiB",
                span, "split it with `include:`",
            )  # fmt: skip
        data = Path(path).read_bytes()
    except FileNotFoundError:
        _stop(
            report,
            "file/missing",
            f"{name} does not exist",
            span,
            "check the path; `mkit init` writes a first spec",
        )
    except PermissionError:
        _stop(report, "file/unreadable", f"{name} cannot be read: permission denied", span, f"chmod u+r {name}")
    except OSError as error:
        _stop(report, "file/unreadable", f"{name} cannot be read: {error.strerror}", span, "")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        column = error.start - (data[: error.start].rfind(b"\n") + 1) + 1
        where = Span(name, line, column, line, column + 1)
        _stop(
            report,
            "file/encoding",
            f"{name} is not UTF-8 (byte 0x{data[error.start]:02x})",
            where,
            "save it as UTF-8",
        )
    source = Source(name, text)
    report.sources[name] = source
    return source


def _stop(report: Report, code: str, message: str, span: Span, help_: str) -> None:
    report.error(code, message, span, help=help_)
    raise Stop
