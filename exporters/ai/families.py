"""Every metric family that a configuration gives the exporter. No driver, no socket, no state: the compiler asks too.

Each part of the exporter declares what stands here, by its own short names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..business.families import capped, closed
from ..business.faults import REASONS as SOURCE_REASONS
from ..runtime import MetricSpec
from ..runtime.records import dataclass, replace
from ..runtime.selfspecs import own_specs, process_specs
from .catalog import MODEL_LABELS, model_specs, prefixed
from .config_quality import BY_KIND, QualityConfig

if TYPE_CHECKING:
    from .config import Config, ModelConfig
    from .config_scrape import Rule

TRANSPORTS = ("unix", "http", "statsd")
REASONS = (
    "unknown_metric", "unknown_label", "missing_label", "invalid_label", "invalid_value", "wrong_type", "malformed",
    "unsupported", "duplicate_batch", "no_quality", "too_large", "state",
)  # fmt: skip
# Of a source's reasons those that concern the making of a metric's samples do not come from a read of truth.
_NO_TRUTH = ("empty", "null_label", "null_value", "order")
TRUTH_REASONS = (*(name for name in SOURCE_REASONS if name not in _NO_TRUTH), "exception", "row")
# Bits of nvmlDeviceGetCurrentClocksEventReasons that mean a limit; idle and application settings are none.
THROTTLES = {
    "power_cap": 0x4, "hw_slowdown": 0x8, "sync_boost": 0x10, "sw_thermal": 0x20, "hw_thermal": 0x40, "hw_power_brake": 0x80,
}  # fmt: skip
# What stands for the version of a model that the configuration does not name.
UNKNOWN_VERSION = "unknown"
METHODS = ("psi", "ks")
DELAYS = (60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
SIDES = {"p": "prediction", "t": "truth"}
# tally -> metric, help; with the labels model, version and the group.
_PAIR_COUNTERS = {
    "count": {
        "evaluated": ("evaluated_windows_total", "Windows whose prediction and truth met."),
        "truth_objects": ("truth_objects_total", "Objects that truth says were there, in evaluated windows."),
        "counted_objects": ("counted_objects_total", "Objects that the model counted, in evaluated windows."),
        "overcount": ("overcount_objects_total", "Objects counted beyond the truth, window by window."),
        "undercount": ("undercount_objects_total", "Objects missed, window by window."),
    },
    "class": {"evaluated": ("evaluated_predictions_total", "Predictions whose truth is known.")},
}
_CLASS_COUNTERS = {
    "true_positives": ("eval_true_positives_total", "Predictions of the class that were right."),
    "false_positives": ("eval_false_positives_total", "Predictions of the class that were wrong."),
    "false_negatives": ("eval_false_negatives_total", "Members of the class predicted as something else."),
}
_SIDE_COUNTERS = {
    "late": ("facts_late_total", "Predictions or truths about events before the watermark; not applied."),
    "duplicate": ("facts_duplicate_total", "Predictions or truths that said again what was known."),
    "corrected": ("facts_corrected_total", "Predictions or truths that changed; gauges follow, counters cannot."),
    "refused": ("facts_refused_total", "Predictions or truths about the future; not applied."),
}
_PLAIN_COUNTERS = {
    "expired": ("predictions_expired_total", "Predictions whose truth never came."),
    "unmatched": ("truth_unmatched_total", "Truths about which the model never said anything."),
}
_GAUGES = {
    "accuracy": ("eval_accuracy_ratio", "Accuracy over the evaluation window; counting: 1 - WAPE, not below 0."),
    "precision": ("eval_precision_ratio", "Precision over the evaluation window."),
    "recall": ("eval_recall_ratio", "Recall over the evaluation window."),
    "f1": ("eval_f1_ratio", "F1 over the evaluation window."),
    "mae": ("count_mae_objects", "Mean absolute error of a window's count."),
    "wape": ("count_wape_ratio", "Absolute errors of all windows as a share of all true objects."),
    "bias": ("count_bias_ratio", "Over- minus undercount as a share of all true objects."),
}
# short name -> type, unit, help
_GPUS: dict[str, tuple[str, str, str]] = {
    "gpu_utilization_ratio": ("gauge", "ratio", "Share of the last sample period in which a kernel ran."),
    "gpu_memory_used_bytes": ("gauge", "bytes", "Device memory in use, by whatever process."),
    "gpu_memory_total_bytes": ("gauge", "bytes", "Device memory."),
    "gpu_energy_joules_total": ("counter", "joules", "Energy used since the driver was loaded; its rate is watts."),
    "gpu_power_watts": ("gauge", "watts", "Power now; only where the device has no energy counter."),
    "gpu_temperature_celsius": ("gauge", "celsius", "Temperature of the GPU's die."),
    "gpu_throttled": ("gauge", "", "Whether the clocks are held down now, by reason."),
}
_PROCESSES = (
    ("cpu_seconds_total", "counter", "seconds", "CPU time of the model's processes, ended ones included."),
    ("resident_memory_bytes", "gauge", "bytes", "Resident memory of the model's processes."),
    ("threads", "gauge", "", "Threads of the model's processes."),
    ("open_fds", "gauge", "", "Open file descriptors of the model's processes."),
    ("processes", "gauge", "", "Processes of the model that are alive."),
    ("start_time_seconds", "gauge", "seconds", "When the oldest process of the model started, Unix time."),
)
_DRIFT = {
    "drift_score": "Distance of the window's observations from the baseline: psi or ks.",
    "drift_threshold": "The score that an undrifted window exceeds as rarely as the false-alarm budget says.",
    "drift_samples": "Observations in the window.",
    "drift_baseline_usable": (
        "Whether the baseline is there, of this model version and has the feature; without, drift is not judged."
    ),
}


def intake_specs(namespace: str, ways: Collection[str] = TRANSPORTS) -> dict[str, MetricSpec]:
    """The counters of what comes in by these ``ways``."""
    transports = {"transport": {"allow": ways}}
    return {
        "events": _spec(
            f"{namespace}_ingest_events_total", "counter",
            "Events accepted: calls in the model's process, lines, or HTTP events.", transports,
        ),
        "batches": _spec(
            f"{namespace}_ingest_batches_total", "counter", "Datagrams and HTTP batches received.", transports
        ),
        "dropped": _spec(
            f"{namespace}_ingest_dropped_total", "counter", "Events received and not counted, by reason.",
            {**transports, "reason": {"allow": REASONS}},
        ),
        "lost": _spec(
            f"{namespace}_ingest_lost_total", "counter",
            "Events that never arrived: given up by the client, or lost between it and the exporter.",
            {"where": {"allow": ["client", "transport"]}},
        ),
        "clients": _spec(
            f"{namespace}_ingest_clients", "gauge", "Client processes whose datagrams were seen (the 1024 latest).", {}
        ),
        "bound": _spec(
            f"{namespace}_ingest_socket_bound", "gauge",
            "1 while new clients find the unix socket at its path, 0 when its file was removed or replaced (those connected are heard); a reload binds it anew.",
            {"transport": {"allow": [way for way in ("unix", "statsd") if way in ways] or ["unix"]}},
        ),
    }  # fmt: skip


def info_spec(model: ModelConfig) -> MetricSpec:
    """The model's info metric."""
    labels = {**dict.fromkeys(MODEL_LABELS), **dict.fromkeys(model.info)}
    return _spec(prefixed("info"), "info", "The model that this exporter stands beside.", labels)


@dataclass(frozen=True)
class QualitySpecs:
    """The families of quality. ``counters``: tally -> (declaration, which labels it has); ``gauges`` by score."""

    counters: Mapping[str, tuple[MetricSpec, str]]
    gauges: Mapping[str, MetricSpec]
    samples: MetricSpec
    coverage: MetricSpec
    watermark: MetricSpec
    delay: MetricSpec

    def all(self) -> list[MetricSpec]:
        """All of them."""
        counters = [spec for spec, _ in self.counters.values()]
        return [*counters, *self.gauges.values(), self.samples, self.coverage, self.watermark, self.delay]


def quality_specs(config: QualityConfig) -> QualitySpecs:
    """The families of quality from ground truth, but for those under names of the user's own (``publish``)."""
    group = {config.by: {"max": config.by_max, "else": "other"}} if config.by else {}
    return QualitySpecs(
        {tally: (_of_model(*shown, labels), form) for tally, (shown, labels, form) in _tallies(config, group).items()},
        {short: _of_model(_GAUGES[short][0], "gauge", _GAUGES[short][1], group) for short in BY_KIND[config.kind]},
        _of_model("eval_samples", "gauge", "Predictions with known truth in the window.", group),
        _of_model("eval_coverage_ratio", "gauge", "Share of the window's predictions whose truth is known.", group),
        _of_model("eval_watermark_timestamp_seconds", "gauge", "Truth about events before this Unix time is late.", {}),
        _of_model("truth_delay_seconds", "histogram", "From the event to its truth.", {}, buckets=list(DELAYS)),
    )


def _tallies(config: QualityConfig, group: Mapping[str, Any]) -> dict[str, tuple[tuple[str, str, str], Any, str]]:
    """tally -> ((name, type, help), labels, their form)."""
    forms: list[tuple[Mapping[str, tuple[str, str]], Any, str]] = [(_PAIR_COUNTERS[config.kind], group, "pair")]
    if config.kind == "class":
        forms.append((_CLASS_COUNTERS, {**group, "class": {"max": 100, "else": "other"}}, "class"))
    forms.append((_SIDE_COUNTERS, {"side": {"allow": list(SIDES.values())}}, "side"))
    forms.append((_PLAIN_COUNTERS, {}, "plain"))
    return {
        tally: ((short, "counter", text), labels, form)
        for table, labels, form in forms
        for tally, (short, text) in table.items()
    }


def truth_specs(namespace: str) -> dict[str, MetricSpec]:
    """How the reading of the truth source goes."""
    return {
        "success": _spec(
            f"{namespace}_truth_success", "gauge", "Whether the last read of the truth source succeeded.", {}
        ),
        "last": _spec(
            f"{namespace}_truth_last_success_timestamp_seconds", "gauge",
            "When the truth source was last read, Unix time.", {}, unit="seconds",
        ),
        "interval": _spec(
            f"{namespace}_truth_interval_seconds", "gauge", "Pace at which the truth source is read.", {}, unit="seconds"
        ),
        "errors": _spec(
            f"{namespace}_truth_errors_total", "counter",
            "Failed reads of the truth source, and rows that made no sense (reason: row).", {"reason": None},
        ),
    }  # fmt: skip


def drift_specs() -> dict[str, MetricSpec]:
    """The gauges of drift."""
    features = {"feature": None, "method": None}
    return {
        short: _of_model(short, "gauge", text, {"feature": None} if short == "drift_baseline_usable" else features)
        for short, text in _DRIFT.items()
    }


def model_process_specs() -> dict[str, MetricSpec]:
    """The figures of the model's processes."""
    return {short: _of_model(short, kind, text, {}, unit=unit) for short, kind, unit, text in _PROCESSES}


def gpu_specs() -> dict[str, MetricSpec]:
    """The figures of GPUs."""
    labels: dict[str, Any] = {"gpu": None, "gpu_uuid": None}
    return {
        short: _spec(prefixed(short), kind, text, labels | ({"reason": None} if short == "gpu_throttled" else {}), unit=unit)
        for short, (kind, unit, text) in _GPUS.items()
    }  # fmt: skip


def fed_specs(config: Config) -> dict[str, MetricSpec]:
    """What events may feed: all that is declared but what a collector fills."""
    quality = set(config.quality.publish.values()) if config.quality else set()
    owned = quality | (set(config.scrape.specs) if config.scrape else set())
    return {name: spec for name, spec in config.specs.items() if name not in owned}


def has_processes(config: Config) -> bool:
    """Whether there are figures of the model's processes: their pids come with the client's datagrams."""
    return config.process and config.ingest.unix is not None


def has_gpus(config: Config) -> bool:
    """Whether GPUs are looked for; those that a scraped server reports are left to it."""
    return config.gpu != "off" and not (config.scrape and any("_gpu_" in name for name in config.scrape.specs))


def ways_in(config: Config) -> tuple[str, ...]:
    """The transports by which events can come; without any, nothing that events feed is served."""
    ingest = config.ingest
    there = {"unix": ingest.unix is not None, "http": ingest.http_rate > 0, "statsd": ingest.statsd is not None}
    return tuple(name for name in TRANSPORTS if there[name])


def _unreached(config: Config) -> set[str]:
    """Families that would stand at zero, or empty, for ever: no event can come."""
    if ways_in(config):
        return set()
    return {*fed_specs(config), *(spec.name for spec in intake_specs(config.namespace).values())}


def has_sockets(config: Config) -> bool:
    """Whether there is a unix socket that clients can lose."""
    statsd = config.ingest.statsd
    return config.ingest.unix is not None or (statsd is not None and statsd.unix is not None)


def judges_drift(config: Config) -> bool:
    """Whether drift is judged: without a baseline's name it is only captured, to make the first one of."""
    return config.drift is not None and config.drift.baseline is not None


def built_in(config: Config) -> list[MetricSpec]:
    """The families that the exporter has by itself in this configuration, those of GPUs included that may not be there, and of the
    intake without a way in: their names stay its own."""
    intake = intake_specs(config.namespace)
    if not has_sockets(config):
        del intake["bound"]
    found = [*own_specs(config.namespace).values(), *process_specs().values(), *intake.values()]
    found.append(info_spec(config.model))
    if config.quality is not None:
        found += quality_specs(config.quality).all()
        if config.quality.truth is not None:
            found += truth_specs(config.namespace).values()
    if judges_drift(config):
        found += drift_specs().values()
    if has_gpus(config):
        found += gpu_specs().values()
    if has_processes(config):
        found += model_process_specs().values()
    return found


Dormant = list[tuple[tuple[str, ...], MetricSpec]]


def dormant(config: Config) -> Dormant:
    """What the exporter would have by itself if keys of the spec's block were written: (the keys, family)."""
    unix = () if config.ingest.unix is not None else ("ingest.unix",)
    intake, standard = intake_specs(config.namespace), model_specs(0)
    other: list[tuple[tuple[str, ...], Iterable[MetricSpec]]] = [
        (unix, [intake["bound"]]),
        (("ingest",), [*(spec for name, spec in fed_specs(config).items() if name in standard), *intake.values()]),
        (("truth.source",), truth_specs(config.namespace).values()),
        (("drift.baseline",), drift_specs().values()),
        ((*unix, *(() if config.process else ("process: true",))), model_process_specs().values()),
    ]
    for kind in BY_KIND:
        key = "truth" if config.quality is None and kind == QualityConfig.kind else f"truth.kind: {kind}"
        other.append(((key,), quality_specs(QualityConfig(kind)).all()))
    if has_gpus(replace(config, gpu="auto")):
        other.append((("gpu: auto",), gpu_specs().values()))
    have = {spec.name for spec in families(config)}
    return [(keys, spec) for keys, specs in other for spec in specs if spec.name not in have]


def families(config: Config) -> list[MetricSpec]:
    """All families that the exporter may expose."""
    unreached = _unreached(config)
    every = (*built_in(config), *(spec for _, spec in configured(config)))
    return [spec for spec in every if spec.name not in unreached]


def bounded(config: Config) -> list[MetricSpec]:
    """``families`` with all values that the configuration lets labels have, so that a rule can be told of one that is never
    there. For the compiler: the running exporter needs no lists.

    The model is the configured one. Its version is that only where the exporter writes it: events and truths may carry the
    version that they are of, and one that is not configured may be said later.
    """
    model = {"model": [config.model.name]}
    version = {"version": [config.model.version]} if config.model.version != UNKNOWN_VERSION else {}
    drift = config.drift.features if config.drift is not None else ()
    own, capped_names = own_specs(config.namespace), capped(families(config), config.namespace)
    lists: dict[str, Mapping[str, Collection[str]]] = {
        **{name: model for name in fed_specs(config) if name in model_specs(0)},
        info_spec(config.model).name: {**model, **version, **{name: [v] for name, v in config.model.info.items()}},
        own["series_dropped_total"].name: {"metric": capped_names},
    }
    lists.update({spec.name: {"collector": _collectors(config)} for spec in own.values() if spec.name not in lists})
    if config.quality is not None:
        quality = quality_specs(config.quality)
        lists.update({spec.name: model for spec in quality.all()})
        if config.quality.classes and config.quality.by != "class":
            of_class = {**model, "class": (*config.quality.classes, "other")}
            lists.update({spec.name: of_class for spec, form in quality.counters.values() if form == "class"})
        lists[truth_specs(config.namespace)["errors"].name] = {"reason": TRUTH_REASONS}
    lists[gpu_specs()["gpu_throttled"].name] = {"reason": tuple(THROTTLES)}
    if config.scrape is not None:
        lists.update({name: _constants(config.scrape.rules, spec) for name, spec in config.scrape.specs.items()})
    if judges_drift(config):
        judged = {**model, **version, "feature": drift, "method": METHODS}
        lists.update({spec.name: judged for spec in drift_specs().values()})
    if has_processes(config):
        lists.update({spec.name: {**model, **version} for spec in model_process_specs().values()})
    ways = ways_in(config) or TRANSPORTS
    intake = {spec.name: spec for spec in intake_specs(config.namespace, ways).values()}
    return [closed(intake.get(spec.name, spec), lists.get(spec.name, {})) for spec in families(config)]


def _constants(rules: Iterable[Rule], spec: MetricSpec) -> dict[str, list[str]]:
    """The values of the labels of a mapping's family that no rule takes from the endpoint, those over a declared cap included."""
    mine = [rule for rule in rules if rule.to == spec.name]
    return {
        label.name: [*dict.fromkeys(rule.const[label.name] for rule in mine), *filter(None, [label.otherwise])]
        for label in spec.labels
        if mine and all(label.name in rule.const for rule in mine)
    }


def _collectors(config: Config) -> list[str]:
    there = {
        "quality": config.quality is not None,
        "drift": config.drift is not None,
        "scrape": config.scrape is not None,
        "gpu": has_gpus(config),
        "process": has_processes(config),
    }
    return [name for name, found in there.items() if found]


def configured(config: Config) -> Iterator[tuple[tuple[str, ...], MetricSpec]]:
    """(place in the configuration, declaration) of what ``built_in`` lacks: the set for any model, the user's own metrics and
    those of a scraped endpoint."""
    for name, spec in fed_specs(config).items():
        yield ("metrics", name), spec
    if config.quality is not None:
        for score, name in config.quality.publish.items():
            yield ("quality", "publish", score), config.specs[name]
    if config.scrape is not None:
        for name, spec in config.scrape.specs.items():
            yield ("scrape", "mapping", "metrics", name), spec


def _of_model(short: str, kind: str, text: str, labels: Mapping[str, Any], **more: Any) -> MetricSpec:
    return _spec(prefixed(short), kind, text, {**dict.fromkeys(MODEL_LABELS), **labels}, **more)


def _spec(name: str, kind: str, text: str, labels: Mapping[str, Any], **more: Any) -> MetricSpec:
    return MetricSpec.parse({"name": name, "type": kind, "help": text, "labels": labels, **more})
