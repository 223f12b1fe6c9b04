"""An answer as labelled samples: columns matched by name, NULLs handled as declared."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from ..runtime.records import dataclass, field
from .faults import SourceFault
from .table import Table
from .values import to_label, to_number

NULL_RULES = ("omit", "zero", "error")


@dataclass(frozen=True, slots=True)
class RowRules:
    """How an answer's columns make samples.

    ``labels`` are columns of those names, ``value`` the column of the number, ``watermark`` that of the mark (modes
    increment and events). ``otherwise`` maps a label to what stands for NULL in it. ``all_null`` is False where an answer
    of nothing but NULL values is a fault: a document has null for whatever it does not have.
    """

    labels: tuple[str, ...]
    value: str | None = "value"
    watermark: str | None = None
    on_null: str = "omit"
    all_null: bool = True
    otherwise: dict[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None
    numeric_text: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One sample: label values in declared order, the number (None: NULL, to be left out), and the mark of its row."""

    labels: tuple[str, ...]
    value: float | None
    mark: Any = None


def read_rows(table: Table, rules: RowRules) -> list[Row]:
    """The samples of ``table``. SourceFault ``columns``, ``null_value``, ``null_label`` or ``value`` when it has none.

    A row whose value and mark are both NULL is none: an aggregate found nothing to add up.
    """
    places = _places(table, rules)
    value_at = places.get(rules.value) if rules.value is not None else None
    mark_at = places.get(rules.watermark) if rules.watermark is not None else None
    label_at = [(name, places[name]) for name in rules.labels]
    out: list[Row] = []
    for raw in table.rows:
        if mark_at is not None and raw[mark_at] is None and value_at is not None and raw[value_at] is None:
            # SUM and MAX over no rows: a row that says that there is nothing after the mark.
            continue
        number = 1.0 if value_at is None else to_number(raw[value_at], rules.zone, rules.numeric_text)
        if number is None:
            number = _null(rules)
        labels = () if number is None else tuple(_label(raw[at], name, rules) for name, at in label_at)
        out.append(Row(labels, number, raw[mark_at] if mark_at is not None else None))
    if out and not rules.all_null and all(row.value is None for row in out):
        raise SourceFault("null_value", _all_null(len(out), rules))
    return out


def _all_null(rows: int, rules: RowRules) -> str:
    which = "null" if rows == 1 else f"null for all {rows} rows"
    return (
        f"{rules.value}: the expression gave {which}; is the key still called so? If null is right, write on_null: omit"
    )


def _null(rules: RowRules) -> float | None:
    if rules.on_null == "error":
        raise SourceFault("null_value", f"{rules.value} is NULL")
    return 0.0 if rules.on_null == "zero" else None


def _label(value: Any, name: str, rules: RowRules) -> str:
    if value is not None:
        return to_label(value, name)
    if name in rules.otherwise:
        return rules.otherwise[name]
    raise SourceFault("null_label", f"label {name} is NULL; use COALESCE in the query, or give the label an `else`")


def _places(table: Table, rules: RowRules) -> dict[str, int]:
    columns = table.columns
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise SourceFault("columns", f"column {twice} comes twice")
    wanted = [*rules.labels, *(name for name in (rules.value, rules.watermark) if name is not None)]
    if len(columns) == 1 and wanted == [rules.value]:
        # SELECT COUNT(*) FROM t: the only column is the value whatever the database calls it.
        return {wanted[0]: 0}
    missing = [name for name in wanted if name not in columns]
    extra = [name for name in columns if name not in wanted]
    if missing:
        raise SourceFault("columns", _missing(missing[0], extra, table))
    if extra:
        raise SourceFault(
            "columns", f"column {extra[0]} is neither a label nor the value (wanted: {', '.join(wanted)})"
        )
    return {name: columns.index(name) for name in wanted}


def _missing(name: str, extra: list[str], table: Table) -> str:
    from monitoring_kit.diagnostics.suggest import closest

    near = closest(name, extra)
    hint = f"; is it {near}?" if near else f"; {table.note}" if table.note else ""
    return f"no column {name} in the answer (it has {', '.join(table.columns) or 'none'}){hint}"
