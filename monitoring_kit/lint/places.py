"""Where the parts of a rule or panel stand in its file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from monitoring_kit.checks.finding import Finding, Subject
from monitoring_kit.diagnostics import Diagnostic, Fix, Note, Span
from monitoring_kit.load.nodes import Scalar


@dataclass(slots=True, eq=False)
class Place:
    """The scalars of a rule or panel by field (``expr``, ``for``, ``labels.team``, an annotation's name), and the whole."""

    whole: Span
    fields: dict[str, Scalar] = field(default_factory=dict)

    def at(self, name: str, start: int, end: int) -> Span:
        """The span of a stretch of a field; of the expression, or else the whole, where the field was not written."""
        node = self.fields.get(name)
        if node is None:
            node = self.fields.get("expr")
            return node.span if node is not None else self.whole
        if name in ("for", "unit"):
            return node.span
        return node.at(start, max(end, start + 1))


def diagnostic(about: Subject, finding: Finding) -> Diagnostic:
    """The finding in its author's file."""
    place: Place = finding.place or about.place
    span = place.at(finding.field, *finding.span)
    notes = tuple(
        Note(where, text)
        for stretch, text in finding.notes
        if stretch[1] and (where := place.at("expr", *stretch)) != span
    )
    fix = None
    node = place.fields.get("expr")
    if finding.fix is not None and node is not None and not node.replaced:
        stretch, text = finding.fix
        where = place.at("expr", *stretch)
        if stretch[0] == stretch[1]:
            where = replace(where, end_line=where.line, end_column=where.column)
        fix = Fix(where, _written(text, node.style))
    return Diagnostic(finding.code, finding.severity, finding.message, span, finding.help, notes, fix)


def _written(text: str, style: str) -> str:
    """``text`` as it stands inside of a scalar of that style."""
    if style == '"':
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text.replace("'", "''") if style == "'" else text
