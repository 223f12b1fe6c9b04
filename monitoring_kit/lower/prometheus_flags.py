"""``prometheus/flags``: the command line of the Prometheus servers, one flag a line, as ``prometheus @flags`` reads it."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.diagnostics.suggest import closest
from monitoring_kit.load.nodes import Mapping
from monitoring_kit.lower.tree import OutFile, flags_file
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.platform import Prometheus
from monitoring_kit.targets import parse_version
from monitoring_kit.targets.server_flags import Kind, captured, known, names

CONFIG_FOLDER = "/etc/prometheus"
DATA_FOLDER = "/prometheus"
# A remote store that cannot drain blocks a reload for this long, once a store; the server's default is a minute each.
FLUSH_DEADLINE = "10s"
OPENS_UP = {
    "web.enable-admin-api": "anyone who reaches the port can then delete series and take snapshots",
    "web.enable-lifecycle": "anyone who reaches the port can then stop the server; reload with SIGHUP instead",
    "web.enable-remote-write-receiver": "anyone who reaches the port can then write series",
}


def lower_flags(system: System, report: Report) -> list[OutFile]:
    """The flags file. Paths are those of the container image: another deployment replaces the first two lines."""
    prometheus = system.spec.prometheus
    flags = mkit_flags(prometheus)
    target = str(system.spec.compatibility.prometheus)
    for name, value in prometheus.flags.items():
        span = _entry(prometheus, name)
        if name in flags:
            report.error("prometheus/flag", f"mkit sets `--{name}` itself", span, help=_own_key(name))
        else:
            _check("flags", name, target, span, report)
        if name in OPENS_UP and value != "false":
            report.warning("prometheus/open-flag", f"`--{name}`: {OPENS_UP[name]}", span)
    for index, name in enumerate(prometheus.features):
        _check("features", name, target, prometheus.at("features", index=index), report)
    lines = [
        (flag_line(name, value), _KEYS[name] if name in flags else ("prometheus", "flags", name))
        for name, value in {**flags, **prometheus.flags}.items()
    ]
    return [flags_file(conventions.PROMETHEUS_FLAGS, system.spec.node, lines)]


def _entry(prometheus: Prometheus, name: str) -> Span:
    """Where the flag ``name`` is written."""
    written = prometheus.node.get("flags")
    return written.key_span(name) if isinstance(written, Mapping) else prometheus.at("flags")


def _check(kind: Kind, name: str, target: str, span: Span, report: Report) -> None:
    """Whether the targeted server has the flag or feature: it does not start with a flag that it lacks, and ignores such a feature."""
    plain = name.removeprefix("no-") if kind == "flags" and name not in names(kind) else name
    state, what = known(kind, plain, target), f"flag `--{name}`" if kind == "flags" else f"feature `{name}`"
    then = (
        "does not start with a flag that it does not know"
        if kind == "flags"
        else "ignores a feature that it does not know"
    )
    if state.has:
        return
    near = None if state.since else closest(plain, names(kind))
    if not state.since and (near or state.has is False):
        _unknown(kind, near, what, then, span, report, certain=state.has is False)
    elif not state.since and parse_version(target) > parse_version(captured()[-1]):
        return  # something new, it seems
    elif state.has is None:
        report.info(
            f"prometheus/unknown-{kind[:-1]}",
            f"mkit does not know whether Prometheus {target} has the {what}: {', '.join(captured())} were asked",
            span,
            help=f"look with `prometheus --help` of that version; it {then}",
        )
    elif parse_version(target) < parse_version(state.since):
        report.error(
            "version/unsupported", f"the {what} needs Prometheus {state.since}, and {target} is targeted", span,
            help=f'{target} {then}; remove it, or write `compatibility: {{prometheus: "{state.since}"}}` once your servers are that new',
        )  # fmt: skip
    else:
        # What a feature switched on is the usual behaviour since, mostly: no reason to stop.
        add = report.error if kind == "flags" else report.warning
        text = f"Prometheus {target} has no {what} any more"
        add("version/unsupported", text, span, help=f"remove it: {target} {then}")


def _unknown(kind: Kind, near: str | None, what: str, then: str, span: Span, report: Report, *, certain: bool) -> None:
    help_ = f"did you mean `{near}`? Prometheus {then}" if near else f"remove it: Prometheus {then}"
    code = f"prometheus/unknown-{kind[:-1]}"
    if certain:
        report.error(code, f"no Prometheus that mkit knows has the {what}", span, help=help_)
    else:
        report.warning(code, f"no Prometheus that was asked ({', '.join(captured())}) has the {what}", span, help=help_)


def mkit_flags(prometheus: Prometheus) -> dict[str, str]:
    """The flags that the spec's own keys imply, by name; "" for a flag without a value."""
    flags = {
        "config.file": f"{CONFIG_FOLDER}/prometheus.yml",
        "storage.tsdb.path": DATA_FOLDER,
        "storage.tsdb.retention.time": str(prometheus.retention.time),
    }
    if prometheus.retention.size is not None:
        flags["storage.tsdb.retention.size"] = prometheus.retention.size
    flags["storage.remote.flush-deadline"] = FLUSH_DEADLINE
    flags["web.listen-address"] = prometheus.listen
    if prometheus.external_url is not None:
        flags["web.external-url"] = prometheus.external_url
    if prometheus.web is not None:
        flags["web.config.file"] = f"{CONFIG_FOLDER}/web.yml"
    if prometheus.features:
        flags["enable-feature"] = ",".join(prometheus.features)
    return flags


# The key of the spec that stands for each of them; () for one that no key changes.
_KEYS: dict[str, tuple[str, ...]] = {
    "config.file": (),
    "storage.tsdb.path": (),
    "storage.tsdb.retention.time": ("prometheus", "retention", "time"),
    "storage.tsdb.retention.size": ("prometheus", "retention", "size"),
    "storage.remote.flush-deadline": (),
    "web.listen-address": ("prometheus", "listen"),
    "web.external-url": ("prometheus", "external_url"),
    "web.config.file": ("prometheus", "web"),
    "enable-feature": ("prometheus", "features"),
}


def _own_key(name: str) -> str:
    path = _KEYS[name]
    return f"set `{'.'.join(path)}`" if path else "remove the flag"


def flag_line(name: str, value: str) -> str:
    """A flag as the command line takes it."""
    # kingpin's boolean flags take no value: `--web.enable-lifecycle=true` is refused, `--no-…` says false.
    if value in ("", "true"):
        return f"--{name}"
    return f"--no-{name}" if value == "false" else f"--{name}={value}"
