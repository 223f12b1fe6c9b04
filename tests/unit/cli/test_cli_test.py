"""`mkit test` as a process: the guide's examples, the formats and the exit codes."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from monitoring_kit.stack.tools import find_tools, missing

GUIDE = (Path(__file__).parents[3] / "docs/testing.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
pytestmark = pytest.mark.skipif(bool(missing(find_tools())), reason="promtool and amtool are needed")


def mkit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitoring_kit", *arguments], cwd=folder, capture_output=True, text=True, timeout=280
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("testing")
    for language, text in BLOCK.findall(GUIDE):
        name = re.match(r"# (\S+)\n", text)
        if language == "yaml" and name:
            target = path / name.group(1)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return path


COMMANDS = [line for language, text in BLOCK.findall(GUIDE) if language == "sh" for line in text.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_guides_commands_succeed(folder: Path, line: str) -> None:
    done = mkit(folder, *shlex.split(line)[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 rules failed; 100.0% of the alerts are seen to fire" in done.stdout


def test_the_table_says_who_is_told_and_what_holds_an_alert_back(folder: Path) -> None:
    lines = mkit(folder, "test", "shop.yaml", "--alert", "HighMemory", "--alert", "HighErrorRate").stdout.splitlines()
    assert lines[2:5] == [
        "alert              severity  email  phone  held back while one of these fires",
        "web/HighErrorRate  critical  x      x",
        "web/HighMemory     warning   x      -      web/ServiceDown, web/ServiceAbsent, web/HighErrorRate",
    ]


def test_the_machine_formats(folder: Path) -> None:
    tree = json.loads(mkit(folder, "test", "shop.yaml", "--alert", "HighErrorRate", "--format", "json").stdout)
    assert [r["name"] for r in tree["rules"]] == ["HighErrorRate"]
    assert tree["routes"][0]["channels"] == ["email", "phone"]
    suite = ElementTree.fromstring(
        mkit(folder, "test", "shop.yaml", "--alert", "HighErrorRate", "--format", "junit").stdout
    )
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")


def test_alerts_that_reach_nobody_are_never_passed_over(folder: Path) -> None:
    text = (folder / "shop.yaml").read_text()
    channels = text[text.index("channels:") : text.index("services:")]
    text = text.replace(channels, "").replace("alerting: {default: [email]}\n", "")
    (folder / "mute.yaml").write_text(text.replace(", notify: [email, phone]", "").replace(", notify: [email]", ""))
    run = ("test", "mute.yaml", "--alert", "HighErrorRate")
    done = mkit(folder, *run)
    warning = "warning[alerts/no-channel]: no channel is defined: 1 of 1 alerts reach nobody"
    assert done.returncode == 0, done.stderr
    assert warning in done.stdout.splitlines()
    assert "1 routes, 0 wrong, 1 to nobody" in done.stdout
    tree = json.loads(mkit(folder, *run, "--format", "json").stdout)
    assert (tree["reach_nobody"], tree["warnings"]) == (["web/HighErrorRate"], [warning])
    assert ElementTree.fromstring(mkit(folder, *run, "--format", "junit").stdout).findtext("system-out") == warning
    heard = json.loads(mkit(folder, "test", "shop.yaml", "--alert", "HighErrorRate", "--format", "json").stdout)
    assert (heard["reach_nobody"], heard["warnings"]) == ([], [])


def test_kept_files_pass_on_their_own(folder: Path) -> None:
    mkit(folder, "test", "shop.yaml", "--alert", "HighMemory", "--keep", "kept")
    names = [f.name for f in (folder / "kept").glob("*.test.yml")]
    promtool = find_tools()["promtool"].path
    assert len(names) == 2
    assert subprocess.run([str(promtool), "test", "rules", *names], cwd=folder / "kept", check=False).returncode == 0


def test_mistakes_of_usage(folder: Path) -> None:
    wrong = mkit(folder, "test", "shop.yaml", "--alert", "HighErorRate")
    assert wrong.returncode == 2
    assert "HighErrorRate" in wrong.stderr
    assert mkit(folder, "test", "shop.yaml", "--tests", "none/*.yml").returncode == 2
    assert mkit(folder, "test", "none.yaml").returncode == 1


def test_a_failing_test_of_the_users_fails_the_run(folder: Path) -> None:
    (folder / "wrong.yml").write_text(
        "tests: [{interval: 1m, alert_rule_test: [{eval_time: 30m, alertname: ServiceAbsent}]}]\n"
    )
    done = mkit(folder, "test", "shop.yaml", "--alert", "HighMemory", "--tests", "wrong.yml")
    assert done.returncode == 1
    assert "FAILED wrong.yml" in done.stdout
