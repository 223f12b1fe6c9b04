"""The exporters' images and the READMEs' snippets, without a container engine."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from monitoring_kit.exporters.runtime import ExporterApp
from monitoring_kit.exporters.runtime.flags import parser

from monitoring_kit import exporters

FOLDER = Path(exporters.__path__[0])
ROOT = Path(__file__).parents[3]
PORTS = {"business": 9641, "ai": 9642}
both = pytest.mark.parametrize("name", PORTS)


@cache
def instructions(name: str) -> list[tuple[str, str]]:
    """(keyword, rest) of each instruction, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (FOLDER / name / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1].strip()) for line in lines]


def final(name: str) -> list[tuple[str, str]]:
    """The instructions of the last stage."""
    found = instructions(name)
    return found[max(place for place, (keyword, _) in enumerate(found) if keyword == "FROM") :]


def one(name: str, keyword: str) -> str:
    (found,) = (rest for word, rest in final(name) if word == keyword)
    return found


def hadolint(text: str) -> str:
    """What hadolint says about a Dockerfile, shellcheck on its RUNs included; "" for nothing."""
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if program is None:
        pytest.skip("no hadolint for this platform")
    done = subprocess.run([program, "--no-color", "-"], input=text, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@both
def test_hadolint_finds_nothing(name: str) -> None:
    text = (FOLDER / name / "Dockerfile").read_text()
    assert hadolint(text) == ""
    # And it would: each of these is a mistake of its own.
    for good, bad, rule in (
        ("slim-bookworm", "slim-bookworm\nFROM python", "DL3006"),
        ("HEALTHCHECK", "RUN cd /tmp && ls $x\nHEALTHCHECK", "SC2086"),
        ('ENTRYPOINT ["/opt/mkit/bin/python", "-m", ', "ENTRYPOINT python -m ", "DL3025"),
    ):
        assert good in text
        assert rule in hadolint(text.replace(good, bad))


@both
def test_the_base_is_pinned(name: str) -> None:
    (base,) = (rest for keyword, rest in instructions(name) if keyword == "ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-[a-z]+", base)
    assert {rest.split()[0] for keyword, rest in instructions(name) if keyword == "FROM"} == {"${PYTHON_IMAGE}"}


@both
def test_every_requirement_is_pinned_and_declared(name: str) -> None:
    lines = (FOLDER / name / "requirements.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert pinned
    for line in pinned:
        assert re.fullmatch(r"[\w.\-]+(\[[\w,]+\])?==[\w.]+", line), line


@both
def test_nothing_runs_as_root_or_through_a_shell(name: str) -> None:
    stage = final(name)
    user = one(name, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number, so that Kubernetes can check runAsNonRoot"
    keywords = [keyword for keyword, _ in stage]
    assert keywords.index("USER") < keywords.index("ENTRYPOINT")
    assert "RUN" not in keywords[keywords.index("USER") :]
    assert yaml.safe_load(one(name, "ENTRYPOINT"))[:2] == ["/opt/mkit/bin/python", "-m"]
    assert isinstance(yaml.safe_load(one(name, "CMD")), list)
    check = yaml.safe_load(one(name, "HEALTHCHECK").partition("CMD ")[2])
    assert check[:2] == ["/opt/mkit/bin/python", "-m"]
    assert find_spec(check[2]), check[2]


@both
def test_the_entry_point_is_there_and_takes_the_command(name: str) -> None:
    module, command = yaml.safe_load(one(name, "ENTRYPOINT"))[2], yaml.safe_load(one(name, "CMD"))
    assert module == f"monitoring_kit.exporters.{name}.main"
    assert known_flags(name) >= {part.partition("=")[0] for part in command}
    assert command == [f"--config=/etc/mkit/{name}.yaml"]
    assert one(name, "EXPOSE") == str(PORTS[name])


@both
def test_what_is_written_is_a_volume_of_the_user(name: str) -> None:
    text = one(name, "VOLUME")
    volumes = yaml.safe_load(text) if text.startswith("[") else text.split()
    assert "/var/lib/mkit" in volumes
    made = next(rest for keyword, rest in final(name) if keyword == "RUN")
    group, uid = re.search(r"--gid (\d+)", made), re.search(r"--uid (\d+)", made)
    assert group
    assert uid
    assert f"{uid[1]}:{group[1]}" == one(name, "USER")
    install = made.partition("install -d")[2]
    assert all(volume in install for volume in volumes)


@both
def test_it_copies_what_exists_and_no_secret(name: str) -> None:
    for keyword, rest in instructions(name):
        assert keyword != "ADD", "ADD fetches and unpacks"
        if keyword == "COPY" and not rest.startswith("--from"):
            source = rest.split()[0]
            assert (ROOT / source).exists(), source
            assert source not in (".", "./", "/"), "everything, with whatever lies there"
        if keyword in ("ENV", "ARG"):
            assert not re.search(r"(?i)passw|secret|token|credential|\bkey\b", rest), rest


@cache
def known_flags(name: str) -> set[str]:
    main: Any = importlib.import_module(f"monitoring_kit.exporters.{name}.main")
    app = ExporterApp(name, "0", "", ":0", lambda args, previous: None, main._flags)  # type: ignore[arg-type, return-value]
    made: ArgumentParser = parser(app)
    return {option for action in made._actions for option in action.option_strings}


def snippets(name: str) -> list[Any]:
    return [
        yaml.safe_load(text)
        for text in re.findall(r"```yaml\n(.*?)```", (FOLDER / name / "README.md").read_text(), flags=re.S)
    ]


def containers(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a snippet, with its key as ``name`` where it has none."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            yield from containers({"name": key, **inner} if isinstance(inner, dict) else inner)
    elif isinstance(value, list):
        for inner in value:
            yield from containers(inner)


def snippet(name: str, having: str) -> dict[str, Any]:
    """The exporter's own container in the snippet that has that key."""
    found = [c for s in snippets(name) for c in containers(s) if c.get("name") == f"{name}-exporter" and having in c]
    (container,) = found
    return container


@both
def test_the_compose_snippet_is_confined(name: str) -> None:
    service = snippet(name, "read_only")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(volume.endswith(f"/etc/mkit/{name}.yaml:ro") for volume in service["volumes"])
    assert any(volume.partition(":")[2].startswith("/var/lib/mkit") for volume in service["volumes"])


@both
def test_the_sidecar_fits_the_image(name: str) -> None:
    container = snippet(name, "volumeMounts")
    assert {"name": "metrics", "containerPort": PORTS[name]} in container["ports"]
    context = container["securityContext"]
    assert context["runAsNonRoot"] is True
    assert str(context["runAsUser"]) == one(name, "USER").partition(":")[0]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert container["livenessProbe"]["httpGet"] == {"path": "/-/healthy", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/-/ready", "port": "metrics"}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {"/etc/mkit", "/var/lib/mkit"} <= mounts


COMPOSE = json.loads((ROOT / "tests/data/compose-spec.json").read_text())


def compose(name: str) -> dict[str, Any]:
    """The README's compose file; a lone service is put where it belongs."""
    (found,) = (s for s in snippets(name) if isinstance(s, dict) and any("read_only" in c for c in containers(s)))
    return found if "services" in found else {"services": found}


@both
def test_the_compose_snippet_follows_the_compose_specification(name: str) -> None:
    found = compose(name)
    jsonschema.validate(found, COMPOSE)
    found["services"][f"{name}-exporter"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, COMPOSE)


def pod(name: str) -> dict[str, Any]:
    """A pod with the README's sidecar and a volume for each of its mounts."""
    (found,) = (s for s in snippets(name) if any("volumeMounts" in c for c in containers(s)))
    if isinstance(found, list):
        names = {mount["name"] for container in found for mount in container["volumeMounts"]}
        found = {"spec": {"containers": found, "volumes": [{"name": each, "emptyDir": {}} for each in sorted(names)]}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "service"}, **found}


@both
def test_the_sidecar_is_accepted_by_the_schemas_of_kubernetes(name: str) -> None:
    found = pod(name)
    for version in ("1.30", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(found, version, strict=True)
    volumes = {volume["name"] for volume in found["spec"]["volumes"]}
    for container in found["spec"]["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    found["spec"]["containers"][-1]["livenessProbe"]["httpGet"]["prot"] = "metrics"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found, "1.30", strict=True)


@both
def test_the_readme_names_only_flags_that_exist(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text()
    lines = [line for line in text.splitlines() if f"mkit exporter {name} " in line]
    assert lines
    named = {flag for line in lines for flag in re.findall(r"(?<!\S)--[a-z][a-z.\-]*", line.partition("#")[0])}
    assert named <= known_flags(name)
