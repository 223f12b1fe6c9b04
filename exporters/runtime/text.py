"""Text format 0.0.4 and OpenMetrics 1.0 from the families' pre-rendered prefixes."""

from __future__ import annotations

from itertools import accumulate
from operator import attrgetter

from .children import Child, Exemplar, HistogramChild
from .family import AnyFamily, Histogram
from .lines import interleave, plain, texts_of
from .names import label_block, number
from .spec import base_name

_EXEMPLAR = attrgetter("exemplar")


def render_family(family: AnyFamily, openmetrics: bool = False) -> list[bytes]:
    """One family's lines in pieces; [] when it has no sample. ExpositionError when a counter is not finite and >= 0."""
    if isinstance(family, Histogram):
        body = [_histogram(family, child, openmetrics) for child in family.children()]
    else:
        children = family.children()
        body = family.lines.render(children, family.kind == "counter", family.name)
        if openmetrics and family.kind == "counter":
            body = _counters(family, children) or body
    return [family.heads[openmetrics], *body, b"\n"] if any(body) else []


def _counters(family: AnyFamily, children: list[Child]) -> list[bytes]:
    """Counter lines with what only OpenMetrics has; [] when there is nothing of it."""
    if not family.spec.created and not any(map(_EXEMPLAR, children)):
        return []
    base = base_name(family.spec)
    out = []
    texts = texts_of(plain([child.value for child in children], family.name))
    for child, text in zip(children, texts, strict=True):
        out.append(f"{child.prefix}{text}{exemplar_text(child.exemplar)}")
        if family.spec.created:
            out.append(f"\n{base}_created{child.prefix[len(family.name) + 1 :]}{child.created!r}")
    return ["".join(out).encode()]


def _histogram(family: Histogram, child: HistogramChild, openmetrics: bool) -> bytes:
    counts = list(accumulate(list(child.counts)))
    texts = [*map(repr, counts), repr(counts[-1]), number(child.sum)]
    if not openmetrics:
        return interleave(child.prefixes, texts)
    for place, exemplar in list(child.exemplars.items()):
        texts[place] += exemplar_text(exemplar)
    prefixes = child.prefixes
    if family.spec.created:
        prefixes = (*prefixes, f"\n{family.name}_created{prefixes[-1][len(family.name) + 5 :]}")
        texts.append(repr(child.created))
    if child.sum < 0 or (family.spec.buckets and family.spec.buckets[0] < 0):
        # OpenMetrics 1.0 makes the sum a counter, forbids it where it can be negative, and the count without it.
        end = len(counts)
        prefixes, texts = (*prefixes[:end], *prefixes[end + 2 :]), texts[:end] + texts[end + 2 :]
    return interleave(prefixes, texts)


def exemplar_text(exemplar: Exemplar | None) -> str:
    """An exemplar as OpenMetrics writes it behind a sample; "" for none."""
    if exemplar is None:
        return ""
    block = label_block(tuple(exemplar.labels), tuple(exemplar.labels.values()))
    return f" # {{{block}}} {number(exemplar.value)} {exemplar.timestamp:.3f}"
