"""Native histograms beside their classic buckets.

A server that is told to keep native histograms drops the classic buckets of the same histogram, and with them what quantiles
and thresholds at a bucket's end read, unless the scrape job says otherwise. Source: prometheus/docs, configuration,
``scrape_config`` (``scrape_classic_histograms`` from 2.45, ``always_scrape_classic_histograms`` from 3.0), and the release notes
of 3.9: the feature flag has no effect any more, ``scrape_native_histograms`` (3.8) takes its place.
"""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.targets import Feature, supported

FLAG = "native-histograms"


def histogram_settings(system: System, view: ServiceView, report: Report) -> dict[str, bool]:
    """What the scrape job of a service with native histograms must say, so that both forms are kept; reports a target
    version that cannot keep both."""
    native = next((info for info in system.registry.by_service[view.name].values() if info.native), None)
    if native is None or FLAG not in system.spec.prometheus.features:
        return {}
    version = system.spec.compatibility.prometheus
    target = {"prometheus": version}
    found = {}
    if supported(Feature.SCRAPE_NATIVE_HISTOGRAMS, target):
        found["scrape_native_histograms"] = True
    if supported(Feature.ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS, target):
        found["always_scrape_classic_histograms"] = True
    elif supported(Feature.SCRAPE_CLASSIC_HISTOGRAMS, target):
        found["scrape_classic_histograms"] = True
    else:
        report.error(
            "version/unsupported",
            f"Prometheus {version} with `{FLAG}` keeps only the native form of `{native.name}`: what reads its buckets would find nothing",
            native.span or view.origin,
            help='set `compatibility: {prometheus: "2.45"}` if your servers are that new, or remove the feature',
        )
    return found
