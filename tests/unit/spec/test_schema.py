"""The JSON Schema for editors: valid itself, and of one mind with the compiler."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from monitoring_kit.diagnostics import Report, Source
from monitoring_kit.load.document import Document
from monitoring_kit.load.nodes import Mapping, plain
from monitoring_kit.load.reader import read_yaml
from monitoring_kit.spec import json_schema, read_spec
from monitoring_kit.spec.model import SPEC
from tests.unit.test_bad_input import BASE, CASES

EXAMPLE = Path(__file__).parents[3] / "examples/ai-camera-counting/mkit.yaml"
STRUCTURAL = {"spec/unknown-key", "spec/version", "spec/label-name", "spec/type"}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_key_is_described() -> None:
    def walk(schema: object) -> None:
        if isinstance(schema, dict):
            for name, value in (schema.get("properties") or {}).items():
                assert name == "kind" or value.get("description"), name
            for value in schema.values():
                walk(value)

    walk(json_schema())


def test_the_example_is_valid(validator: jsonschema.Draft202012Validator) -> None:
    root = read_yaml(Source("f", EXAMPLE.read_text()), Report())
    assert root is not None
    data = plain(root)
    assert isinstance(data, dict)
    data.pop("include", None)
    data["environments"] = {}  # overlays hold any key of the spec
    assert [e.message for e in validator.iter_errors(data)] == []


@pytest.mark.parametrize("case", [c for c in CASES if c[2] in STRUCTURAL and "»- a" not in c[1]], ids=lambda c: c[0])
def test_editors_see_structural_mistakes_too(validator: jsonschema.Draft202012Validator, case: tuple[str, ...]) -> None:
    data = yaml.load(case[1].replace("«", "").replace("»", ""), Loader=yaml.BaseLoader)
    assert list(validator.iter_errors(data)), case[0]


def test_the_smallest_spec_is_valid(validator: jsonschema.Draft202012Validator) -> None:
    assert list(validator.iter_errors(yaml.safe_load(BASE))) == []


def test_defaults_are_those_of_the_reader() -> None:
    report = Report()
    root = read_yaml(Source("f", BASE), report)
    assert isinstance(root, Mapping)
    spec = read_spec(Document("f", root, None, "", ()), report)
    assert str(spec.prometheus.scrape_interval) == "15s"
    assert spec.prometheus.replicas == 1
    assert spec.alerting.group_by == ("alertname", "service")
    assert len(report) == 0
    assert set(SPEC.keys) == set(json_schema()["$defs"]["Spec"]["properties"])
