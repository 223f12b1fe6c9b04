"""`mkit init`: whatever is answered, the spec compiles without a finding."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitoring_kit.cli.init import command
from monitoring_kit.cli.starter import CHANNELS, STARTERS
from monitoring_kit.diagnostics import Severity
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.resolve.packs import shipped_kinds


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "web shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str, answers: str | None = None) -> Result:
    return CliRunner().invoke(command, list(arguments), input=answers)


def findings(path: str = "mkit.yaml") -> list[str]:
    report = compile_spec(path, environ={}).report
    return [f"{d.code}: {d.message}" for d in report if d.severity is not Severity.INFO]


def test_every_shipped_kind_has_a_starter() -> None:
    assert set(STARTERS) == set(shipped_kinds())


@pytest.mark.parametrize("kind", list(STARTERS))
def test_every_kind_compiles(kind: str) -> None:
    done = run("--yes", "--kind", kind, "--service", "it")
    assert done.exit_code == 0, done.output
    assert findings() == []
    assert compile_spec("mkit.yaml", environ={}).outputs


@pytest.mark.parametrize("channel", list(CHANNELS))
def test_every_channel_compiles(channel: str) -> None:
    assert run("--yes", "--notify", channel).exit_code == 0
    assert findings() == []


@pytest.mark.parametrize("name", ["on", "null", "true", "no", "_1", "x.y-z"])
def test_names_that_yaml_would_take_for_something_else(name: str) -> None:
    assert run("--yes", "--service", name, "--system", name, "--team", name).exit_code == 0
    assert findings() == []
    system = compile_spec("mkit.yaml", environ={}).system
    assert system is not None
    assert list(system.services) == [name]


def test_asks_for_what_is_missing() -> None:
    done = run(
        "--service", "web", answers="shop\nhttp\nweb:8080\ncore\nslack\n#alerts\nhttps://docs.example.com/shop\n-\n"
    )
    assert done.exit_code == 0, done.output
    assert "System [web-shop]" in done.output, "the folder's name is the suggestion"
    assert "Slack channel" in done.output
    text = Path("mkit.yaml").read_text()
    assert 'channel: "#alerts"' in text
    assert '\ndocs_url: "https://docs.example.com/shop"\n# grafana: {url: ' in text
    assert findings() == []


def test_asks_again_after_a_wrong_answer() -> None:
    done = run(answers="my shop\nshop\nweb\nhtpp\nhttp\nweb:1\ncore\nemail\nnobody\na@example.com\nnowhere\n-\n-\n")
    assert done.exit_code == 0, done.output
    assert "`my shop` is not a name" in done.output
    assert "`htpp` is none of http, " in done.output
    assert "`nobody` is not an e-mail address" in done.output
    assert "`nowhere` is not an http:// or https:// URL" in done.output
    assert findings() == []


def test_without_anybody_to_answer_it_names_the_way_out() -> None:
    done = run("--service", "web", answers="shop\n")
    assert done.exit_code == 2
    assert "nobody answers (Kind): give --kind, or --yes to take the usual answers" in done.output
    assert not Path("mkit.yaml").exists()


def test_where_messages_link_to_is_written_or_told() -> None:
    links = ("--docs-url", "https://docs.example.com/shop/", "--grafana-url", "https://grafana.example.com")
    assert run("--yes", "linked.yaml", *links).exit_code == 0
    linked = compile_spec("linked.yaml", environ={})
    assert [d.code for d in linked.report] == []
    rules = linked.outputs["prometheus/rules/service-web.yml"].data.decode()
    assert "runbook_url: https://docs.example.com/shop/runbooks/HighErrorRate.md" in rules
    assert "dashboard: https://grafana.example.com/d/" in rules
    assert run("--yes", "bare.yaml").exit_code == 0
    assert [d.code for d in compile_spec("bare.yaml", environ={}).report] == ["alerts/no-links"]
    text = Path("bare.yaml").read_text()
    Path("bare.yaml").write_text(text.replace("# docs_url:", "docs_url:").replace("# grafana:", "grafana:"))
    assert [d.code for d in compile_spec("bare.yaml", environ={}).report] == []


def test_never_overwrites() -> None:
    Path("mkit.yaml").write_text("mine")
    done = run("--yes")
    assert done.exit_code == 1
    assert "never overwrites" in done.output
    assert Path("mkit.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--service", "a b"], "'--service'"),
        (["--target", "a/b"], "'--target'"),
        (["--kind", "htpp"], "--kind"),
        (["--notify", "email", "--address", "x"], "an e-mail address"),
        (["--docs-url", "docs/"], "'--docs-url'"),
        (["--grafana-url", "http://u:pw@h/"], "without a login"),
        (["--notify", "webhook", "--address", "http://u:pw@h/"], "without a login"),
        (["--notify", "webhook", "--address", "http://h/?token=x"], "without a login"),
    ],
)
def test_wrong_options_write_nothing(arguments: list[str], text: str) -> None:
    done = run("--yes", *arguments)
    assert done.exit_code == 2
    assert text in done.output
    assert not Path("mkit.yaml").exists()


def test_names_another_file_and_says_what_comes_next() -> None:
    done = run("--yes", "shop.yaml")
    assert done.exit_code == 0
    assert "mkit check shop.yaml" in done.output
    assert findings("shop.yaml") == []


def test_missing_folder_is_said() -> None:
    done = run("--yes", "no/where.yaml")
    assert done.exit_code == 1
    assert "No such file or directory" in done.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_is_said(place: Path) -> None:
    place.chmod(0o500)
    done = run("--yes")
    place.chmod(0o700)
    assert done.exit_code == 1
    assert "Permission denied" in done.output
