"""docs/instrument.md: its example runs as it stands, against an exporter with its configuration."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from monitoring_kit.exporters.ai import mkit_client

from tests.unit.exporters.ai.rig import Rig

PAGE = (Path(__file__).parents[3] / "docs" / "instrument.md").read_text()
README = (Path(__file__).parents[3] / "exporters" / "ai" / "README.md").read_text()
SOCKET = "/run/mkit/ai.sock"


def block(language: str, number: int = 0, page: str = PAGE) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", page, flags=re.S)[number])


@pytest.fixture
def socket_path(tmp_path: Path) -> str:
    path = str(tmp_path / "ai.sock")
    if len(path) > 90:
        pytest.skip("the temporary folder's name is too long for a socket")
    return path


def config(socket_path: str) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load(block("yaml").replace(SOCKET, socket_path))
    return loaded


def test_it_is_five_lines() -> None:
    lines = [line for line in block("python").splitlines() if line.strip()]
    # Beside the import and the call of the model, which the service has already.
    assert len([line for line in lines if not line.startswith(("from ", "    people"))]) == 5


@pytest.mark.parametrize(("page", "frames", "events"), [(PAGE, 1, 2), (README, 0, 1)], ids=["page", "readme"])
def test_the_example_arrives(socket_path: str, tmp_path: Path, page: str, frames: int, events: int) -> None:
    shutil.copy(mkit_client.__file__, tmp_path / "mkit_client.py")
    service = "frame = 'frame'\n\ndef model(frame):\n    return 3\n\n" + block("python", 0, page).replace(
        SOCKET, socket_path
    )
    (tmp_path / "service.py").write_text(service)
    with Rig(config(socket_path)) as rig:
        # -S: nothing but the standard library and the copied file.
        command = [sys.executable, "-S", "service.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        wait_for(rig, events)
        model = {"model": "people-counter", "version": "1.4", "camera": "gate-1"}
        assert (rig.value("mkit_model_frames_processed_total", **model) or 0) == frames
        assert rig.value("mkit_model_inference_duration_seconds_count", **model, stage="infer") == 1


def test_a_service_does_not_notice_that_the_exporter_is_away(tmp_path: Path) -> None:
    shutil.copy(mkit_client.__file__, tmp_path / "mkit_client.py")
    service = "frame = 'frame'\n\ndef model(frame):\n    return 3\n\n" + block("python").replace(
        SOCKET, f"{tmp_path}/none"
    )
    (tmp_path / "service.py").write_text(service)
    command = [sys.executable, "-S", "service.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_batch_is_acknowledged_once(socket_path: str) -> None:
    words = shlex.split(block("sh", 1))
    body = words[words.index("--json") + 1].encode()
    assert json.loads(body)["batch_id"]
    with Rig(config(socket_path)) as rig:
        assert [rig.post(body).status for _ in range(2)] == [204, 204]
        found = rig.value("mkit_model_frames_processed_total", model="people-counter", version="1.4", camera="gate-1")
        assert found == 3


def wait_for(rig: Rig, events: int) -> None:
    from tests.soak.processes import until

    until(lambda: rig.value("mkit_ai_ingest_events_total", transport="unix") == events, 10)
