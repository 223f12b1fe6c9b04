"""The parts of an exporter that are there only when configured."""

from __future__ import annotations

import logging
import os
from typing import Any

from ..runtime import ConfigError, Registry, Route
from .config import Config
from .config_quality import QualityConfig
from .families import has_gpus
from .join import Join
from .parts import Lasting, Parts

log = logging.getLogger(__name__)


def add_quality(config: Config, parts: Parts, lasting: Lasting) -> None:
    """Quality from ground truth."""
    if config.quality is None:
        return
    from .quality import Quality

    quality_config = config.quality
    join = _join(quality_config, parts, lasting)
    published = {short: parts.registry.declare(config.specs[name]) for short, name in quality_config.publish.items()}
    quality = Quality(quality_config, parts.model, parts.registry, published, join, lasting.truth_delays)
    parts.hand(lasting.truth_delays, quality.delay)
    parts.registry.register(quality)
    parts.intake.facts = quality
    if quality_config.truth is not None:
        from .truth_poll import TruthPoll

        poll = TruthPoll(quality_config.truth, quality_config, quality, parts.registry, lasting.truth_errors)
        parts.hand(lasting.truth_errors, poll.errors)
        if parts.polls is not None:
            parts.polls.append(poll)
        parts.start.append(poll.start)
        parts.close.append(poll.close)


def _join(config: QualityConfig, parts: Parts, lasting: Lasting) -> Join:
    """The join of the state file: a reload goes on with the one that is there."""
    from .facts_aside import shape_of
    from .facts_store import FactsStore, claim_facts

    shape = shape_of(config)
    if parts.dry:
        return Join(config, FactsStore(None, shape))
    file = os.path.realpath(config.state_file)
    parts.hold(lasting.claims, file, lambda: claim_facts(config.state_file)).renew()
    join = parts.hold(lasting.joins, (file, shape), lambda: Join(config, FactsStore(config.state_file, shape)))

    def begin() -> None:
        held = lasting.joins.things().items()
        others = [other for key, other in held if other is not join and isinstance(key, tuple) and key[0] == file]
        for other in others:
            other.retire(True)
        try:
            join.begin(config)
        except BaseException:
            for other in others:
                other.retire(False)
            raise

    parts.start.append(begin)
    return join


def add_drift(config: Config, parts: Parts) -> None:
    """Drift against a baseline, and the route that makes one."""
    if config.drift is None:
        return
    from .baseline import BaselineHandler
    from .drift import Drift
    from .reference import load_baseline

    file = config.drift.baseline
    # Before the first baseline is made there is none; an unreadable one is a mistake.
    baseline = load_baseline(file) if file is not None and file.exists() else None
    if file is not None and baseline is None:
        log.warning("there is no baseline yet; drift is not judged", extra={"file": str(file)})
    drift = Drift(config.drift, parts.model, baseline, parts.registry)
    for feature, metric in config.drift.features.items():
        if parts.intake.targets.get(metric) is None:
            raise ConfigError(f"drift.features.{feature}: no event feeds {metric}")
        parts.intake.watch(metric, drift.watcher(feature))
    parts.registry.register(drift)
    parts.routes.append(Route("GET", "/v1/baseline", BaselineHandler(drift, parts.model)))


def add_scrape(config: Config, registry: Registry) -> None:
    """Scrape-and-transform."""
    if config.scrape is not None:
        from .scrape import ScrapeCollector

        registry.register(ScrapeCollector(config.scrape, registry), timeout=config.scrape.timeout)


def add_gpu(config: Config, parts: Parts) -> None:
    """GPUs, when there are any; those that a scraped server reports are left to it."""
    if not has_gpus(config):
        return
    from .gpu import GpuCollector, open_nvml

    nvml: Any = open_nvml()
    if nvml is not None:
        parts.registry.register(GpuCollector(nvml, parts.registry), timeout=2.0)
