"""Where tools are looked for, in which order, and what is said when one is missing."""

from pathlib import Path

import pytest

from monitoring_kit.stack import tools
from monitoring_kit.stack.tools import OPTIONAL, REQUIRED, Tool, ToolsMissingError, find_tools


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any tool: an empty PATH and an empty tool folder."""
    for name in (*REQUIRED, *OPTIONAL):
        monkeypatch.delenv(tools.env_name(name), raising=False)
    monkeypatch.delenv("MKIT_SUITE", raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("MKIT_TOOLS_DIR", str(tmp_path / "tools"))
    return tmp_path


def program(path: Path, says: str = "x, version 9.8.7") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5)", "2.42.0+ds"),
        ("alertmanager, version 0.33.1 (branch: debian/sid, revision: 0.33.1-5)", "0.33.1"),
        ("Version 11.4.0 (commit: b58701869e, branch: HEAD)", "11.4.0"),
        ("victoria-metrics-20220805-121112-tags-v1.79.5-0-gabc", "1.79.5-0-gabc"),
        ("promtool, version 3.0.0-rc.1 (branch: HEAD)", "3.0.0-rc.1"),
        ("usage: something else", None),
        ("", None),
    ],
)
def test_versions_of_the_tools_are_read(text: str, version: str | None) -> None:
    assert tools.parse_version(text) == version


def test_nothing_found_names_every_place_and_the_fix(bare: Path) -> None:
    found = find_tools()
    assert [tool.name for tool in tools.missing(found)] == list(REQUIRED)
    reason = found["promtool"].missing_reason
    assert "PATH" in reason
    assert str(bare / "tools") in reason
    assert "MKIT_PROMTOOL" in reason
    assert "mkit tools fetch" in reason
    assert not found["promtool"].found
    assert found["promtool"].version is None
    assert found["promtool"].release is None


def test_the_variable_wins_over_path_and_path_over_the_tool_folder(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = program(bare / "tools" / "bookworm" / "root" / "usr" / "bin" / "promtool")
    assert (find_tools()["promtool"].path, find_tools()["promtool"].source) == (fetched, "tools:bookworm")
    on_path = program(bare / "bin" / "promtool")
    assert (find_tools()["promtool"].path, find_tools()["promtool"].source) == (on_path, "path")
    mine = program(bare / "mine")
    monkeypatch.setenv("MKIT_PROMTOOL", str(mine))
    assert (find_tools()["promtool"].path, find_tools()["promtool"].source) == (mine, "env")


@pytest.mark.parametrize(("make", "cause"), [(None, "is not a file"), (0o644, "is not executable")])
def test_a_wrong_variable_is_told_and_never_replaced_by_another_tool(
    bare: Path, monkeypatch: pytest.MonkeyPatch, make: int | None, cause: str
) -> None:
    program(bare / "bin" / "promtool")
    wrong = bare / "wrong"
    if make is not None:
        program(wrong).chmod(make)
    monkeypatch.setenv("MKIT_PROMTOOL", str(wrong))
    found = find_tools()["promtool"]
    assert not found.found
    assert cause in found.missing_reason
    assert "MKIT_PROMTOOL" in found.missing_reason


def test_debians_name_of_alertmanager_is_known(bare: Path) -> None:
    program(bare / "bin" / "prometheus-alertmanager")
    assert find_tools()["alertmanager"].source == "path"


def test_a_suite_takes_only_what_was_fetched_for_it(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare / "bin" / "promtool")
    monkeypatch.setenv("MKIT_PROMTOOL", str(program(bare / "mine")))
    monkeypatch.setenv("MKIT_SUITE", "trixie")
    found = find_tools()["promtool"]
    assert not found.found
    assert "mkit tools fetch --suite trixie" in found.missing_reason
    fetched = program(bare / "tools" / "trixie" / "root" / "usr" / "bin" / "promtool")
    assert find_tools()["promtool"].path == fetched
    assert find_tools("path")["promtool"].source == "env"


def test_an_unknown_suite_is_refused(bare: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown suite 'potato'.*bookworm"):
        find_tools("potato")


def test_version_and_release_come_from_the_program(bare: Path) -> None:
    tool = Tool("promtool", program(bare / "t", "promtool, version 2.53.3+ds1"), "path")
    assert tool.version == "2.53.3+ds1"
    assert tool.release == (2, 53)


def test_a_program_that_does_not_run_has_no_version(bare: Path) -> None:
    broken = bare / "broken"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    assert Tool("promtool", broken, "env").version is None


def test_without_promtool_the_probe_says_so() -> None:
    with pytest.raises(ToolsMissingError, match="because"):
        Tool("promtool", None, "missing", "because").supports_sd("http")


def test_ensure_tools_fetches_nothing_when_all_are_there(bare: Path) -> None:
    for name in REQUIRED:
        program(bare / "bin" / name)
    # No apt-get on this PATH: any attempt to fetch would fail.
    assert not tools.missing(tools.ensure_tools())


def test_ensure_tools_without_network_or_apt_says_what_was_tried(bare: Path) -> None:
    with pytest.raises(ToolsMissingError) as error:
        tools.ensure_tools("trixie")
    assert "apt-get and dpkg are not on this machine" in str(error.value)
    assert "promtool" in str(error.value)


def test_the_real_promtool_is_probed_for_service_discoveries() -> None:
    promtool = tools.ensure_tools()["promtool"]
    assert promtool.supports_sd("file")
    assert promtool.supports_sd("http")
    assert not promtool.supports_sd("carrier_pigeon")
