"""The images' commands, exactly as the Dockerfiles say, as their user on a read-only root file system."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.exporters.test_images import ROOT, both, one

DRIVER = Path(__file__).with_name("confined.py")
UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
BUSINESS = {
    "sources": {"shop": {"kind": "sqlite", "url": "sqlite:////etc/mkit/shop.db"}},
    "metrics": {
        "rows_total": {"type": "counter", "help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) FROM tx"},
    },
    "state_file": "/var/lib/mkit/business.db",
}
AI = {
    "model": {"name": "counter", "version": "1"},
    "ingest": {"unix": "/run/mkit/ai.sock"},
    "quality": {"kind": "count", "key": ["id"], "state_file": "/var/lib/mkit/ai.db"},
}
CONFIG = {"business": BUSINESS, "ai": AI}
SAMPLE = {"business": "\nrows_total 3.0\n", "ai": '\nmkit_model_info{model="counter",version="1"'}
FILES = {"business": {"/var/lib/mkit/business.db"}, "ai": {"/var/lib/mkit/ai.db", "/run/mkit/ai.sock"}}


@pytest.fixture(scope="module")
def namespaces() -> None:
    if os.geteuid() != 0 or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces need root and a kernel that grants them")


def listed(text: str) -> list[str]:
    """The exec form of an instruction, or a VOLUME's one path."""
    found: list[str] = yaml.safe_load(text) if text.startswith("[") else text.split()
    return found


@both
@pytest.mark.usefixtures("namespaces")
def test_the_image_works_confined(name: str, tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE tx (id INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO tx VALUES (?)", [(1,), (2,), (3,)])
    port = one(name, "EXPOSE")
    urls = [f"http://127.0.0.1:{port}{path}" for path in ("/metrics", "/-/ready")]
    order = {
        "entrypoint": listed(one(name, "ENTRYPOINT")), "cmd": listed(one(name, "CMD")),
        "healthcheck": listed(one(name, "HEALTHCHECK").partition("CMD ")[2]), "user": one(name, "USER"),
        "volumes": listed(one(name, "VOLUME")), "root": str(ROOT), "urls": urls, "copies": [str(database)],
        "files": {f"/etc/mkit/{name}.yaml": json.dumps(CONFIG[name])},
    }  # fmt: skip
    done = subprocess.run(
        [*UNSHARE, sys.executable, str(DRIVER), json.dumps(order)],
        capture_output=True, text=True, timeout=150, check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert said["before"] == 1, "nobody listens yet"
    assert said["healthy"] == 0, said["output"]
    metrics, ready = (said["answers"][url] for url in urls)
    assert metrics[0] == 200, metrics
    assert SAMPLE[name] in metrics[1], metrics[1]
    assert ready[0] == 200
    uid = one(name, "USER").partition(":")[0]
    assert said["status"]["Uid"].split() == [uid] * 4
    assert int(said["status"]["CapEff"], 16) == int(said["status"]["CapBnd"], 16) == 0
    assert FILES[name] <= set(said["written"])
    assert said["code"] == 0, said["output"]
    assert "Traceback" not in said["output"]
