"""Declarations of what every exporter says about itself: data, so that who only asks for the names waits for no more."""

from __future__ import annotations

from .spec import LabelSpec, MetricSpec

# suffix, type, labels, help
_OWN = (
    ("collector_success", "gauge", ("collector",), "Whether the collector's last run succeeded."),
    ("collector_supported", "gauge", ("collector",), "Whether what the collector reads exists here."),
    ("collector_duration_seconds", "gauge", ("collector",), "How long the collector's last run took."),
    (
        "collector_last_success_timestamp_seconds",
        "gauge",
        ("collector",),
        "When the collector last succeeded, Unix time.",
    ),
    ("collector_errors_total", "counter", ("collector", "reason"), "Failed runs and families of the collector."),
    ("series_dropped_total", "counter", ("metric", "reason"), "Samples dropped or folded to keep the series budget."),
    ("series", "gauge", (), "Series of declared metrics at the last scrape."),
    ("series_limit", "gauge", (), "Series that the exporter may serve; what is above is dropped."),
    ("last_exposition_bytes", "gauge", (), "Size of the previous exposition before compression."),
    ("config_last_reload_successful", "gauge", (), "Whether the last configuration reload succeeded."),
    (
        "config_last_reload_success_timestamp_seconds",
        "gauge",
        (),
        "When the configuration was last loaded successfully, Unix time.",
    ),
)
_PROCESS = (
    ("cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", "cpu_seconds"),
    ("resident_memory_bytes", "gauge", "Resident memory size in bytes.", "resident_bytes"),
    ("virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", "virtual_bytes"),
    ("start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", "start_time"),
    ("open_fds", "gauge", "Number of open file descriptors.", "open_fds"),
    ("max_fds", "gauge", "Maximum number of open file descriptors.", "max_fds"),
    ("threads", "gauge", "Number of threads of the process.", "threads"),
)


def own_specs(namespace: str) -> dict[str, MetricSpec]:
    """The self metrics by their name without ``<namespace>_``."""
    specs = {suffix: _spec(f"{namespace}_{suffix}", kind, labels, text) for suffix, kind, labels, text in _OWN}
    specs["build_info"] = _spec(
        f"{namespace}_build_info", "info", ("version", "python_version"), "Version of the exporter and of its runtime."
    )
    return specs


def process_specs() -> dict[str, MetricSpec]:
    """The process's metrics by their field of ``ProcessFigures``."""
    return {field: _spec(f"process_{suffix}", kind, (), text) for suffix, kind, text, field in _PROCESS}


def _spec(name: str, kind: str, labels: tuple[str, ...], text: str) -> MetricSpec:
    return MetricSpec(name, kind, text, labels=tuple(LabelSpec(label) for label in labels))
