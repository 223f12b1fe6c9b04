"""The examples of README and guide are run as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guide.md").read_text()
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def mkit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitoring_kit", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every spec of the guide, under the name in its first comment."""
    path = tmp_path_factory.mktemp("guide")
    for language, text in BLOCK.findall(GUIDE):
        name = re.match(r"# (\S+)\n", text)
        if language == "yaml" and name:
            target = path / name.group(1)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.partition("\n")[2])
    return path


def commands() -> list[str]:
    blocks = [text for language, text in BLOCK.findall(GUIDE) if language == "sh"]
    return [line for block in blocks for line in block.splitlines() if line.startswith("mkit ")]


def test_the_guides_commands_succeed_in_order(folder: Path) -> None:
    assert len(commands()) >= 8
    for line in commands():
        if " up " in line:  # started on the real servers by the end-to-end tests
            continue
        done = mkit(folder, *shlex.split(line)[1:])
        assert done.returncode == 0, (line, done.stdout + done.stderr)


@pytest.mark.e2e
def test_the_guides_local_run(folder: Path) -> None:
    (line,) = (line for line in commands() if " up " in line)
    assert mkit(folder, *shlex.split(line)[1:]).returncode == 0


def test_the_guides_console_shows_what_mkit_says(folder: Path) -> None:
    consoles = [text for language, text in BLOCK.findall(GUIDE) if language == "console"]
    assert consoles
    for text in consoles:
        command, _, wanted = text.partition("\n")
        done = mkit(folder, *shlex.split(command)[2:])
        assert done.returncode == 1
        assert wanted.strip() in done.stdout


def test_the_readmes_first_spec_compiles(tmp_path: Path) -> None:
    (spec,) = (text for language, text in BLOCK.findall(README) if language == "yaml")
    assert len(spec.splitlines()) <= 12
    (tmp_path / "mkit.yaml").write_text(spec)
    done = mkit(tmp_path, "generate", "mkit.yaml", "-o", "generated")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "generated/manifest.json").is_file()


@pytest.mark.e2e
def test_the_readmes_commands_succeed_in_order(tmp_path: Path) -> None:
    (spec,) = (text for language, text in BLOCK.findall(README) if language == "yaml")
    (tmp_path / "mkit.yaml").write_text(spec)
    blocks = [text for language, text in BLOCK.findall(README) if language == "sh"]
    lines = [line.split(" #")[0] for block in blocks for line in block.splitlines() if line.startswith("mkit ")]
    assert [line.split()[1] for line in lines] == ["tools", "generate", "up"]
    for line in lines:
        more = ["--for", "3s"] if line.split()[1] == "up" else []
        done = mkit(tmp_path, *shlex.split(line)[1:], *more)
        assert done.returncode == 0, (line, done.stdout + done.stderr)


def test_the_readmes_links_lead_somewhere() -> None:
    for page, text in ((ROOT / "README.md", README), (ROOT / "docs/guide.md", GUIDE)):
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), target


def test_the_readmes_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert "make test" in (ROOT / ".ci/run").read_text()
