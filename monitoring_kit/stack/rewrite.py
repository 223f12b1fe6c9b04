"""Generated files for a local run: targets and receivers point to the demo's own processes, everything else is untouched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from monitoring_kit.conventions import ALERTMANAGER_YML, PROMETHEUS_YML
from monitoring_kit.emit import Output

# What ties a scrape job to the real world and has no meaning on a loopback target.
_OUTSIDE = ("tls_config", "basic_auth", "authorization", "proxy_url", "oauth2")
_DISCOVERY = "_sd_configs"
# Receiver kind -> (key that names the endpoint, whether it names a file that holds it).
_ENDPOINTS = {
    "slack_configs": ("api_url_file", True),
    "pagerduty_configs": ("url", False),
    "webhook_configs": ("url", False),
    "opsgenie_configs": ("api_url", False),
    "victorops_configs": ("api_url", False),
    "telegram_configs": ("api_url", False),
    "discord_configs": ("webhook_url", False),
    "msteams_configs": ("webhook_url", False),
    "msteamsv2_configs": ("webhook_url", False),
}
# Flags that name places of the real machine and whose own defaults do for a local run.
_ELSEWHERE = {
    "web.config.file": "the local server has no TLS and no login",
    "web.systemd-socket": "the local server has an address of its own",
    "web.route-prefix": "the local server has its pages at /",
    "web.console.templates": "a folder of the real machine",
    "web.console.libraries": "a folder of the real machine",
    "web.user-assets": "a folder of the real machine",
    "web.local-assets": "a folder of the real machine",
    "storage.agent.path": "a folder of the real machine",
    "cluster.peer": "the local server has no peers",
}
_SECRET = "demo-secret"  # noqa: S105 - the capture endpoints accept anything


def local_prometheus(
    outputs: Mapping[str, Output], targets: Mapping[str, str], alertmanager: str, own: str
) -> tuple[str, list[str]]:
    """`prometheus.yml` for a local run, and what had to be left out (in words).

    ``targets`` maps a job to its local ``host:port``; jobs without one are dropped. ``own`` is Prometheus' own address.
    """
    config = yaml.safe_load(outputs[PROMETHEUS_YML].data)
    known = {
        **targets,
        "prometheus": targets.get("prometheus", own),
        "alertmanager": targets.get("alertmanager", alertmanager),
    }
    left_out = [
        f"{key} (the stores are not part of a local run)"
        for key in ("remote_write", "remote_read")
        if config.pop(key, None)
    ]
    jobs = []
    for job in config.get("scrape_configs", []):
        if job["job_name"] in known:
            jobs.append(_local_job(job, known[job["job_name"]]))
        else:
            left_out.append(f"the scrape job {job['job_name']}")
    config["scrape_configs"] = jobs
    for section in (config.get("alerting") or {}).get("alertmanagers", []):
        _drop(section, (*_OUTSIDE, "scheme"))
        section["static_configs"] = [{"targets": [alertmanager]}]
    return yaml.safe_dump(config, sort_keys=False), left_out


def local_flags(outputs: Mapping[str, Output], path: str, own: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The flags of the file ``path`` for a local run, and what had to be left out (in words).

    ``own`` has the local places and addresses by flag: they replace what is generated. Every other flag stays.
    """
    flags, left_out = [], []
    for line in outputs[path].data.decode().splitlines():
        name = line.removeprefix("--").partition("=")[0]
        if name in own:
            flags.append(f"--{name}={own[name]}")
        elif name.removeprefix("no-") in _ELSEWHERE:
            left_out.append(f"--{name} of {path} ({_ELSEWHERE[name.removeprefix('no-')]})")
        else:
            flags.append(line)
    return flags, left_out


def _drop(section: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in [k for k in section if k in keys or k.endswith(_DISCOVERY)]:
        del section[key]


def _local_job(job: dict[str, Any], target: str) -> dict[str, Any]:
    statics = job.get("static_configs") or [{}]
    labels = statics[0].get("labels") or {"service": job["job_name"]}
    discovered = any(k.endswith(_DISCOVERY) for k in job)
    _drop(job, _OUTSIDE)
    if discovered or any((rule.get("target_label") == "__param_target") for rule in job.get("relabel_configs", [])):
        job.pop("relabel_configs", None)
        job.pop("params", None)
    job.update(scheme="http", metrics_path="/metrics", static_configs=[{"targets": [target], "labels": labels}])
    return job


def local_alertmanager(
    outputs: Mapping[str, Output], smarthost: str, url: str, folder: str
) -> tuple[str, dict[str, str]]:
    """`alertmanager.yml` with every receiver pointing to the capture endpoints, and the secret files it names: path ->
    content. They stand below the absolute path ``folder``: Alertmanager resolves some of them against its own working
    folder, not against the configuration's."""
    config = yaml.safe_load(outputs[ALERTMANAGER_YML].data)
    files: dict[str, str] = {}
    for receiver in config.get("receivers", []):
        for kind, entries in receiver.items():
            if not isinstance(entries, list):
                continue
            for entry in entries:
                _local_receiver(kind, entry, smarthost, url, folder, files)
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True), files


def _local_receiver(
    kind: str, entry: dict[str, Any], smarthost: str, url: str, folder: str, files: dict[str, str]
) -> None:
    entry.pop("http_config", None)
    channel = kind.removesuffix("_configs")
    for key in [k for k in entry if k.endswith("_file")]:
        entry[key] = f"{folder}/{channel}-{key}"
        files[entry[key]] = _SECRET
    if kind == "email_configs":
        entry.update(smarthost=smarthost, require_tls=False)
        for key in ("auth_username", "auth_password_file", "auth_password", "tls_config"):
            files.pop(str(entry.pop(key, None)), None)
    elif kind in _ENDPOINTS:
        key, by_file = _ENDPOINTS[kind]
        endpoint = f"{url}/{channel}"
        if by_file:
            files[entry[key]] = endpoint
        else:
            entry.pop(f"{key}_file", None)
            entry[key] = endpoint
