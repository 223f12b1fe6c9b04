"""Text format 0.0.4 and OpenMetrics 1.0 from the families' pre-rendered prefixes."""

from __future__ import annotations

from itertools import accumulate
from math import isfinite, isnan

from .children import Child, Exemplar, HistogramChild
from .errors import ExpositionError
from .family import AnyFamily, Histogram
from .names import escape_help, label_block, number
from .spec import MetricSpec, base_name


def head(spec: MetricSpec, openmetrics: bool) -> str:
    """The ``# HELP``, ``# TYPE`` and ``# UNIT`` lines of a family."""
    if not openmetrics:
        kind = "gauge" if spec.kind == "info" else spec.kind
        return f"# HELP {spec.name} {escape_help(spec.help)}\n# TYPE {spec.name} {kind}\n"
    name = base_name(spec)
    unit = f"# UNIT {name} {spec.unit}\n" if spec.unit else ""
    return f"# TYPE {name} {spec.kind}\n{unit}# HELP {name} {escape_help(spec.help, quotes=True)}\n"


def render_family(family: AnyFamily, openmetrics: bool = False) -> str:
    """One family's block of lines; "" when it has no sample."""
    if isinstance(family, Histogram):
        body = "".join([_histogram(family, child, openmetrics) for child in family.children()])
    else:
        body = _scalars(family, family.children(), openmetrics)
    return head(family.spec, openmetrics) + body if body else ""


def _scalars(family: AnyFamily, children: list[Child], openmetrics: bool) -> str:
    values = [child.value for child in children]
    total = sum(values)
    if family.kind == "counter":
        if not isfinite(total) and not all(map(isfinite, values)):
            raise ExpositionError(f"{family.name}: a counter is not finite")
        if values and min(values) < 0:
            raise ExpositionError(f"{family.name}: a counter is negative")
        if openmetrics:
            return "".join([_counter(family, child) for child in children])
    elif not isfinite(total):
        return "".join([f"{c.prefix}{number(v)}\n" for c, v in zip(children, values, strict=True) if not isnan(v)])
    return "".join([f"{child.prefix}{value!r}\n" for child, value in zip(children, values, strict=True)])


def _counter(family: AnyFamily, child: Child) -> str:
    line = f"{child.prefix}{child.value!r}{exemplar_text(child.exemplar)}\n"
    if not family.spec.created:
        return line
    base = family.name.removesuffix("_total")
    return f"{line}{base}_created{child.prefix[len(family.name):]}{child.created!r}\n"


def _histogram(family: Histogram, child: HistogramChild, openmetrics: bool) -> str:
    counts = list(accumulate(list(child.counts)))
    lines = [f"{prefix}{count}" for prefix, count in zip(child.prefixes, counts, strict=False)]
    if openmetrics and child.exemplars:
        for place, exemplar in list(child.exemplars.items()):
            lines[place] += exemplar_text(exemplar)
    lines += (f"{child.prefixes[-2]}{counts[-1]}", f"{child.prefixes[-1]}{number(child.sum)}")
    if openmetrics and family.spec.created:
        lines.append(f"{family.name}_created{child.prefixes[-1][len(family.name) + 4 :]}{child.created!r}")
    return "\n".join(lines) + "\n"


def exemplar_text(exemplar: Exemplar | None) -> str:
    """An exemplar as OpenMetrics writes it behind a sample; "" for none."""
    if exemplar is None:
        return ""
    block = label_block(tuple(exemplar.labels), tuple(exemplar.labels.values()))
    return f" # {{{block}}} {number(exemplar.value)} {exemplar.timestamp:.3f}"
