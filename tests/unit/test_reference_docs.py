"""The reference pages say what the program says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitoring_kit import docs
from monitoring_kit.checks.codes import codes
from monitoring_kit.cli.main import COMMANDS, App, main
from monitoring_kit.resolve.packs import shipped_kinds
from monitoring_kit.spec.model import SPEC
from monitoring_kit.stack.tools import OPTIONAL, REQUIRED, env_name


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return docs.pages()


def test_the_command_line_page_has_every_variable_that_mkit_reads() -> None:
    root = docs.DOCS.parent
    sources = [*(root / "monitoring_kit").rglob("*.py"), *(root / "exporters").rglob("*.py")]
    read = {name for path in sources for name in re.findall(r'environ(?:\.get\(|\[)"(MKIT_\w+)"', path.read_text())}
    assert {"MKIT_SUITE", "MKIT_TOOLS_DIR", "MKIT_TRACEBACK", "MKIT_AI_SOCKET"} <= read
    rows = set(re.findall(r"^\| `(MKIT_[^`]+)` \|", docs.pages()["cli.md"], re.M))
    assert read <= rows
    for tool in (*REQUIRED, *OPTIONAL):
        assert f"`{env_name(tool)}`" in docs.pages()["cli.md"]


def test_every_key_of_the_spec_has_a_row(pages: dict[str, str]) -> None:
    for record in docs._records(SPEC):
        section = pages["spec.md"].split(f"## {record.cls.__name__}\n")[1].split("\n## ")[0]
        for name in record.keys:
            assert f"| `{name}` |" in section, (record.cls.__name__, name)


def test_every_command_and_option_is_documented(pages: dict[str, str]) -> None:
    assert isinstance(main, App)
    for name in main.list_commands(None):  # type: ignore[arg-type]
        assert f"## mkit {name}\n" in pages["cli.md"], name
        command = main.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        for option in command.params:
            if option.opts[0].startswith("--"):
                assert option.opts[0] in pages["cli.md"], (name, option.opts[0])
    assert set(main.list_commands(None)) <= set(COMMANDS)  # type: ignore[arg-type]


def test_every_command_has_an_example(pages: dict[str, str]) -> None:
    for section in pages["cli.md"].split("\n## mkit ")[1:]:
        if "Commands:" not in section:
            assert f"  mkit {section.split(chr(10))[0]}" in section.split("Usage:")[1].split("\n", 1)[1], section[:60]


def test_every_kind_and_code_is_there(pages: dict[str, str]) -> None:
    assert "| `5%` |" in pages["spec.md"], "a default as one writes it"
    for kind in shipped_kinds():
        assert f"\n## {kind}\n" in pages["signals.md"]
    for code in codes():
        assert pages[f"checks/{code}.md"].startswith(f"# {code}\n")
        assert f"({code}.md)" in pages["checks/index.md"]


def test_check_names_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert docs.main(["--check"]) == 1
    assert "spec.md" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    (tmp_path / "cli.md").write_text("edited by hand")
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().err.strip().endswith(": cli.md")
