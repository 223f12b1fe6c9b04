"""The lock beside a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from monitoring_kit.exporters.runtime import ConfigError
from monitoring_kit.exporters.runtime.claim import Claim
from monitoring_kit.exporters.runtime.shared import Shared


def test_a_claim_holds_under_every_name_of_the_file_and_ends_with_the_process(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    code = (
        "import sys; from pathlib import Path; from monitoring_kit.exporters.runtime.claim import Claim\n"
        "claim = Claim(Path(sys.argv[1]), 'file', ''); print('has it', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "link")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(
            ConfigError, match=r"^state_file .*/file: another exporter uses it; stop that one, or take another$"
        ):
            Claim(tmp_path / "file", "state_file", "take another")
        other.kill()
        other.wait()
    Claim(tmp_path / "file", "state_file", "").close()


def test_a_claim_is_renewed_where_its_file_was_removed_unless_another_was_faster(tmp_path: Path) -> None:
    first = Claim(tmp_path / "file", "socket", "")
    first.renew()
    (tmp_path / "file.lock").unlink()
    first.renew()
    with pytest.raises(ConfigError, match="another exporter uses it"):
        Claim(tmp_path / "file", "socket", "")
    (tmp_path / "file.lock").unlink()
    second = Claim(tmp_path / "file", "socket", "")
    with pytest.raises(ConfigError, match="another exporter uses it"):
        first.renew()
    second.close()
    first.renew()
    first.close()
    first.close()


def test_a_claim_says_why_it_cannot_be_made(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(ConfigError, match=f"the folder {missing} does not exist: create it, or take another$"):
        Claim(missing / "file", "socket", "take another")
    (tmp_path / "file.lock").mkdir()
    said = r"cannot open the lock file .*/file.lock \(Is a directory\): let this user write it, or take another$"
    with pytest.raises(ConfigError, match=said):
        Claim(tmp_path / "file", "socket", "take another")


def test_what_is_shared_is_made_once_and_closed_after_its_last_holder() -> None:
    class Thing:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    shared: Shared[Thing] = Shared()
    thing = shared.take("a", Thing)
    assert shared.take("a", Thing) is thing
    shared.give("a")
    assert (thing.closed, shared.things()) == (0, {"a": thing})
    shared.give("a")
    assert (thing.closed, shared.things()) == (1, {})
    assert shared.take("a", Thing) is not thing
