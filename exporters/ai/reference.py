"""The reference distribution of a feature: what ``mkit exporter baseline`` writes."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from ..runtime import ConfigError
from ..runtime.records import dataclass

FORMAT = "mkit-baseline/v1"
GRID = 100
DECILES = 10
# Fewer values make the reference itself the noise.
MIN_VALUES = 1000
MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Reference:
    """Quantiles of a feature. ``grid`` and ``edges`` are inclusive upper bounds of all bins but the last one.

    ``fractions`` and ``grid_fractions`` are the shares of the ``size`` reference values in each bin: where values are
    tied, neighbouring quantiles coincide and there are fewer bins.
    """

    size: int
    edges: tuple[float, ...]
    fractions: tuple[float, ...]
    grid: tuple[float, ...]
    grid_fractions: tuple[float, ...]

    def merged(self, counts: Sequence[int]) -> list[int]:
        """Counts by ``grid`` as counts by ``edges``."""
        out = [0] * (len(self.edges) + 1)
        for place, count in enumerate(counts):
            bound = self.grid[place] if place < len(self.grid) else float("inf")
            out[bisect_left(self.edges, bound)] += count
        return out


def make_reference(values: Sequence[float]) -> Reference:
    """The reference of these values. ValueError when there are too few, or they are all the same."""
    ordered = sorted(value for value in values if isfinite(value))
    if len(ordered) < MIN_VALUES:
        raise ValueError(f"{len(ordered)} values; a baseline needs at least {MIN_VALUES}")
    grid = _quantiles(ordered, GRID)
    edges = tuple(edge for edge in _quantiles(ordered, DECILES) if edge in set(grid))
    if not edges:
        raise ValueError("all values are the same; there is no distribution to compare with")
    return Reference(len(ordered), edges, _fractions(ordered, edges), grid, _fractions(ordered, grid))


def _quantiles(ordered: Sequence[float], parts: int) -> tuple[float, ...]:
    """Inclusive upper bounds of ``parts`` bins with about as many values each, none of them empty."""
    bounds = {ordered[-(-len(ordered) * part // parts) - 1] for part in range(1, parts)}
    return tuple(sorted(bounds - {ordered[-1]}))


def _fractions(ordered: Sequence[float], edges: Sequence[float]) -> tuple[float, ...]:
    counts = [0] * (len(edges) + 1)
    for value in ordered:
        counts[bisect_left(edges, value)] += 1
    return tuple(count / len(ordered) for count in counts)


@dataclass(frozen=True)
class Baseline:
    """The references of one model version."""

    model: str
    version: str
    features: Mapping[str, Reference]

    def dump(self) -> str:
        """The baseline file's text."""
        features = {
            name: {
                "size": ref.size, "edges": ref.edges, "fractions": ref.fractions, "grid": ref.grid,
                "grid_fractions": ref.grid_fractions,
            }
            for name, ref in self.features.items()
        }  # fmt: skip
        body = {"format": FORMAT, "model": self.model, "version": self.version, "features": features}
        return json.dumps(body, indent=1) + "\n"


def load_baseline(path: Path) -> Baseline:
    """The baseline in a file. ConfigError when it is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes")
        return parse_baseline(json.loads(raw))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path}: not a baseline of mkit ({error})") from None


def parse_baseline(data: Any) -> Baseline:
    """The baseline in plain data. ValueError, KeyError or TypeError when it is none."""
    if data["format"] != FORMAT:
        raise ValueError(f"format is not {FORMAT}")
    features = {str(name): _reference(body) for name, body in data["features"].items()}
    return Baseline(str(data["model"]), str(data["version"]), features)


def _reference(body: Any) -> Reference:
    ref = Reference(
        int(body["size"]),
        *(tuple(float(x) for x in body[key]) for key in ("edges", "fractions", "grid", "grid_fractions")),
    )
    for edges, fractions in ((ref.edges, ref.fractions), (ref.grid, ref.grid_fractions)):
        rising = all(low < high for low, high in pairwise(edges))
        shares = all(0 < share < 1 for share in fractions) and abs(sum(fractions) - 1) < 1e-6
        if len(fractions) != len(edges) + 1 or len(edges) < 1 or not (rising and shares):
            raise ValueError("edges must rise and fractions be shares that add up to 1")
    if ref.size < MIN_VALUES or not set(ref.edges) <= set(ref.grid):
        raise ValueError("size or grid do not fit")
    return ref
