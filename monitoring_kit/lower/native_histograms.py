"""What a scrape job must say so that native histograms are stored, and the classic buckets of the same histograms beside them.

From 3.9 on Prometheus stores native histograms only where ``scrape_native_histograms`` says so, whatever the flag. A server that
stores them drops the classic buckets of the same histogram, and rules on ``_bucket`` fall silent, unless the job says otherwise:
from 2.45 on with ``scrape_classic_histograms``, which 3.0 renamed to ``always_scrape_classic_histograms`` and refuses since. So
for a target before 3.0 no file is right for every newer server: a 3.0 that refuses the old key says so, rules that read nothing
would not. Source: https://prometheus.io/docs/specs/native_histograms/, prometheus/prometheus#13532 and the documentation of
``scrape_config``.
"""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.targets import Feature, supported

FLAG = "native-histograms"
_NATIVE = Feature.SCRAPE_NATIVE_HISTOGRAMS
_CLASSIC = (Feature.ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS, Feature.SCRAPE_CLASSIC_HISTOGRAMS)


def native_enabled(system: System) -> bool:
    """Whether the spec tells Prometheus to store native histograms."""
    return FLAG in system.spec.prometheus.features


def histogram_keys(system: System, view: ServiceView, report: Report) -> dict[str, bool]:
    """The keys of a service's scrape job, none where the spec does not enable native histograms. Reports a target version that
    cannot keep the buckets of one that the service is declared to have."""
    if not native_enabled(system):
        return {}
    version = system.spec.compatibility.prometheus
    kept = [feature for feature in (_NATIVE, *_CLASSIC) if supported(feature, {"prometheus": version})]
    native = next((info for info in system.registry.by_service[view.name].values() if info.native), None)
    if native is not None and not set(kept).intersection(_CLASSIC):
        report.error(
            "version/unsupported",
            f"Prometheus {version} with `{FLAG}` keeps only the native form of `{native.name}`: what reads its buckets would find nothing",
            native.span or view.origin,
            help='set `compatibility: {prometheus: "2.45"}` if your servers are that new, or remove the feature',
        )
    return {feature.value.what: True for feature in kept}
