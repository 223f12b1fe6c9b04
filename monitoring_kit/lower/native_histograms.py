"""Native histograms beside their classic buckets, before Prometheus 3.

A server that is told to keep native histograms drops the classic buckets of the same histogram, and with them what quantiles
and thresholds at a bucket's end read, unless the scrape job says otherwise: from 2.45 on with ``scrape_classic_histograms``,
which 3.0 renamed. A server of 3.0 that refuses the old key says so; rules that read nothing would be silent.
Source: prometheus/docs, configuration, ``scrape_config``.
"""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.targets import Feature, supported

FLAG = "native-histograms"


def classic_buckets(system: System, view: ServiceView, report: Report) -> dict[str, bool]:
    """What the scrape job of a service with native histograms must say before 3.0 so that both forms are kept; reports a
    target version that cannot keep both."""
    native = next((info for info in system.registry.by_service[view.name].values() if info.native), None)
    version = system.spec.compatibility.prometheus
    target = {"prometheus": version}
    if native is None or FLAG not in system.spec.prometheus.features:
        return {}
    if supported(Feature.ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS, target):
        return {}
    if supported(Feature.SCRAPE_CLASSIC_HISTOGRAMS, target):
        return {Feature.SCRAPE_CLASSIC_HISTOGRAMS.value.what: True}
    report.error(
        "version/unsupported",
        f"Prometheus {version} with `{FLAG}` keeps only the native form of `{native.name}`: what reads its buckets would find nothing",
        native.span or view.origin,
        help='set `compatibility: {prometheus: "2.45"}` if your servers are that new, or remove the feature',
    )
    return {}
