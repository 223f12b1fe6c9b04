"""From what promtool or amtool complains about back to the line of the spec."""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.emit import Output

# `path: 5:11: group "a", rule 1, "x": ...` since 2.x; `line 7: field x not found` from the YAML reader.
_AT = re.compile(r"^(?P<path>[^\s:]+): (?P<line>\d+):(?P<column>\d+): (?P<text>.*)$")
_LINE = re.compile(r"^line (?P<line>\d+): (?P<text>.*)$")
_GROUP = re.compile(r'^(?P<path>[^\s:]+): group "(?P<group>[^"]*)", rule (?P<rule>\d+), (?P<text>.*)$')
_FILE = re.compile(r"^(?P<path>[^\s:]+): (?P<text>.*)$")
_NOISE = re.compile(
    r"^(?:Checking .*|FAILED:?|Found:|- .*|SUCCESS.*|.*: unmarshal errors:|amtool: error: failed to validate.*|)$"
)
BUG = "this is a bug in mkit, not in your spec: please report it with the spec that shows it"


def blame(tool: str, said: str, path: str, outputs: Mapping[str, Output], report: Report) -> None:
    """Report each line of a tool's complaint about ``path`` as ``verify/<tool>``, at the spec line that made the rejected line."""
    before = len(report)
    for raw in dict.fromkeys(said.splitlines()):
        line = re.sub(r"^\s*(?:\S+ )?FAILED: ", "", raw).strip()
        if _NOISE.match(line):
            continue
        span, text, place = _place(line, path, outputs)
        report.error(f"verify/{tool}", f"{tool} rejects {place}: {text}", span, help=BUG)
    if len(report) == before:
        report.error(f"verify/{tool}", f"{tool} rejects {path} without saying why", Span(path), help=BUG)


def _place(line: str, path: str, outputs: Mapping[str, Output]) -> tuple[Span, str, str]:
    if (match := _AT.match(line)) and match["path"] in outputs:
        where, number = match["path"], int(match["line"])
        return origin(outputs, where, number), match["text"], f"{where}:{number}"
    if match := _LINE.match(line):
        return origin(outputs, path, int(match["line"])), match["text"], f"{path}:{match['line']}"
    if (match := _GROUP.match(line)) and match["path"] in outputs:
        number = _rule_line(outputs[match["path"]], match["group"], int(match["rule"]))
        return origin(outputs, match["path"], number), match["text"], f"{match['path']}:{number}"
    if (match := _FILE.match(line)) and match["path"] in outputs:
        return Span(match["path"]), match["text"], match["path"]
    return Span(path), line, path


def origin(outputs: Mapping[str, Output], path: str, line: int) -> Span:
    """The spec position behind a line of an output; the output itself where no part of the spec made the line."""
    mark = outputs[path].source_map.at(line)
    return mark.origin if mark else Span(path, line, 1, line, 1)


def _rule_line(output: Output, group: str, rule: int) -> int:
    """The line at which the ``rule``-th rule (from 1) of ``group`` starts, found in the emitted text itself."""
    inside, count = False, 0
    for number, line in enumerate(output.data.decode().split("\n"), 1):
        if line.startswith("  - name: "):
            inside, count = line[10:].strip("\"'") == group, 0
        elif inside and line.startswith("      - "):
            count += 1
            if count == rule:
                return number
    return 1
