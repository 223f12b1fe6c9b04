"""The wheel builds, installs in a clean environment outside the checkout, and compiles a spec there."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


def run(*command: object, cwd: Path) -> str:
    # What `make tools` fetched lies in the checkout, where an installed mkit does not look by itself.
    environment = {"MKIT_TOOLS_DIR": str(ROOT / ".tools"), **os.environ}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that has the wheel and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", ROOT, cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=folder)
    return python


def test_generate_from_the_wheel(python: Path, tmp_path: Path) -> None:
    spec = (ROOT / "examples/ai-camera-counting/mkit.yaml").read_text()
    (tmp_path / "mkit.yaml").write_text(spec)
    mkit = python.with_name("mkit")
    assert run(mkit, "--version", cwd=tmp_path).startswith("mkit ")
    run(mkit, "generate", "mkit.yaml", "-o", "out", cwd=tmp_path)
    committed = ROOT / "examples/ai-camera-counting/generated"
    made = {p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert made == {p.relative_to(committed) for p in committed.rglob("*") if p.is_file()}
    run(mkit, "schema", cwd=tmp_path)
    assert "spec/unknown-key" in run(mkit, "explain", "spec/unknown-key", cwd=tmp_path)
