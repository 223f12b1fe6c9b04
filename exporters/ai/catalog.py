"""Which metric families the exporter has: the set for any model, plus what the spec's registry declares."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..business.spec import metric_spec
from ..runtime import LabelSpec, MetricSpec
from ..runtime.records import replace

MODEL_LABELS = ("model", "version")
OTHER_CAMERA = "other"


def read_yaml(name: str) -> Any:
    """A YAML file of this package."""
    import yaml

    text = Path(__file__).with_name(name).read_bytes()
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader


@lru_cache(maxsize=1)
def _set() -> Mapping[str, Any]:
    data: Mapping[str, Any] = read_yaml("model_metrics.yaml")
    return data


def prefixed(name: str) -> str:
    """A metric of the set under its full name."""
    return f"{_set()['prefix']}{name}"


def model_specs(cameras: int) -> dict[str, MetricSpec]:
    """The set for any model; ``cameras`` is how many may have series of their own, 0 for none and no such label."""
    data = _set()
    specs = {}
    for name, body in data["metrics"].items():
        buckets = body.get("buckets")
        plain = {**body, "name": prefixed(name)}
        if isinstance(buckets, str):
            plain["buckets"] = data["layouts"][buckets]
        specs[plain["name"]] = model_labelled(MetricSpec.parse(plain), cameras)
    return specs


def declared_spec(name: str, body: Mapping[str, Any]) -> MetricSpec:
    """A metric of the configuration. SpecError when its declaration is wrong."""
    return metric_spec({**body, "name": name})


def model_labelled(spec: MetricSpec, cameras: int) -> MetricSpec:
    """The declaration with ``model`` and ``version`` in front, and its ``camera`` capped or removed."""
    labels = [LabelSpec(name, max_length=128) for name in MODEL_LABELS]
    for label in spec.labels:
        if label.name != "camera":
            labels.append(label)
        elif cameras:
            labels.append(replace(label, max=cameras, otherwise=OTHER_CAMERA))
    return replace(spec, labels=tuple(labels))
