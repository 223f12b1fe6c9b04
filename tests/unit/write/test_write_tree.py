"""What writing does to a folder that is not empty, not ours, not writable or already in use."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest

from monitoring_kit.diagnostics import Report, Stop
from monitoring_kit.emit import Output
from monitoring_kit.write import Plan, existing_plan, manifest_bytes, read_manifest, write_tree
from monitoring_kit.write.manifest import BadManifestError

Files = dict[str, Output]


def files(**texts: str) -> Files:
    return {name.replace("__", "/"): Output(text.encode()) for name, text in texts.items()}


def manifest(outputs: Files, verified: dict[str, str] | bool = False) -> bytes:
    return manifest_bytes(
        outputs,
        spec_file="mkit.yaml",
        spec_sha256="ab",
        environment=None,
        targets={"prometheus": "2.42"},
        verified=verified,
    )


def write(out: Path, outputs: Files, report: Report | None = None) -> Plan:
    return write_tree(out, outputs, manifest(outputs), report if report is not None else Report())


def refused(out: Path, outputs: Files) -> Report:
    report = Report()
    before = snapshot(out)
    with pytest.raises(Stop):
        write(out, outputs, report)
    assert snapshot(out) == before
    return report


def snapshot(out: Path) -> dict[str, object]:
    return {
        str(p.relative_to(out)): os.readlink(p)
        if p.is_symlink()
        else (p.read_bytes(), p.stat().st_mode)
        if p.is_file()
        else None
        for p in sorted(out.rglob("*"))
    }


def test_a_first_write_makes_the_folder_and_honours_modes_whatever_the_umask_is(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    old = os.umask(0o077)
    try:
        plan = write(out, {"x/web.yml": Output(b"secret", 0o600), "y": Output(b"1", 0o644), "z": Output(b"2", 0o640)})
    finally:
        os.umask(old)
    assert plan.new == ["x/web.yml", "y", "z"]
    assert [stat.S_IMODE((out / p).stat().st_mode) for p in plan.new] == [0o600, 0o644, 0o640]
    assert sorted(os.listdir(out)) == ["manifest.json", "x", "y", "z"]


def test_unchanged_files_are_not_touched_and_changed_ones_are(tmp_path: Path) -> None:
    write(tmp_path, files(a="1", b="1", c__d="1"))
    for name in ("a", "b", "c/d", "manifest.json"):
        os.utime(tmp_path / name, (1, 1))
    plan = write(tmp_path, files(a="1", b="2", c__d="1"))
    assert (plan.unchanged, plan.changed, plan.summary()) == (["a", "c/d"], ["b"], "1 changed, 2 unchanged")
    assert [(tmp_path / n).stat().st_mtime == 1 for n in ("a", "c/d", "b", "manifest.json")] == [
        True,
        True,
        False,
        False,
    ]
    os.utime(tmp_path / "manifest.json", (1, 1))
    plan = write(tmp_path, files(a="1", b="2", c__d="1"))
    assert plan.nothing
    assert (tmp_path / "manifest.json").stat().st_mtime == 1


def test_a_changed_mode_is_put_right_but_is_no_drift_for_git_keeps_none(tmp_path: Path) -> None:
    write(tmp_path, files(a="1"))
    (tmp_path / "a").chmod(0o666)
    assert existing_plan(tmp_path, files(a="1"), manifest(files(a="1")), Report()).nothing
    plan = write(tmp_path, files(a="1"))
    assert (plan.changed, plan.modes) == ([], ["a"])
    assert plan.summary() == "1 with permissions put right"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_orphans_go_with_the_folders_they_leave_empty_and_foreign_files_stay(tmp_path: Path) -> None:
    write(tmp_path, files(a="1", b__c__d="1", e__f="1"))
    (tmp_path / "e" / "mine").write_text("mine")
    plan = write(tmp_path, files(a="1"))
    assert plan.orphans == ["b/c/d", "e/f"]
    assert set(snapshot(tmp_path)) == {"a", "e", "e/mine", "manifest.json"}


def test_an_orphan_that_was_edited_is_kept_and_told(tmp_path: Path) -> None:
    write(tmp_path, files(a="1", b="1"))
    (tmp_path / "b").write_text("my own work")
    report = Report()
    plan = write(tmp_path, files(a="1"), report)
    assert (plan.kept, plan.orphans) == (["b"], [])
    assert [d.code for d in report] == ["write/kept"]
    # From now on it is foreign.
    assert [d.code for d in refused(tmp_path, files(a="1", b="2"))] == ["write/foreign-file"]


def test_an_edited_file_is_generated_anew_and_told(tmp_path: Path) -> None:
    write(tmp_path, files(a="1"))
    (tmp_path / "a").write_text("edited")
    report = Report()
    assert write(tmp_path, files(a="2"), report).edited == ["a"]
    assert [d.code for d in report] == ["write/edited"]
    assert (tmp_path / "a").read_text() == "2"


def test_a_file_may_become_a_folder_and_back(tmp_path: Path) -> None:
    write(tmp_path, files(a="1"))
    write(tmp_path, files(a__b="1"))
    assert (tmp_path / "a/b").read_text() == "1"
    write(tmp_path, files(c="1"))
    write(tmp_path, files(a="1"))
    assert (tmp_path / "a").read_text() == "1"


def test_foreign_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus/prometheus.yml").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    (found,) = refused(tmp_path, files(prometheus__prometheus_yml="x") | {"prometheus/prometheus.yml": Output(b"x")})
    assert found.code == "write/foreign-file"
    assert found.span.file == str(tmp_path / "prometheus/prometheus.yml")


def test_a_foreign_file_with_the_same_bytes_is_adopted(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "a").chmod(0o644)
    assert write(tmp_path, files(a="1")).unchanged == ["a"]


@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "file-for-folder", "link-for-folder"])
def test_nothing_in_the_way_is_removed_or_followed(tmp_path: Path, kind: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (elsewhere / "f").write_text("1")
    if kind == "folder":
        (out / "d/f").mkdir(parents=True)
    elif kind in ("link", "dangling"):
        (out / "d").mkdir()
        (out / "d/f").symlink_to(elsewhere / ("f" if kind == "link" else "gone"))
    elif kind == "file-for-folder":
        (out / "d").write_text("mine")
    else:
        (out / "d").symlink_to(elsewhere)
    assert [d.code for d in refused(out, files(d__f="2"))] == ["write/foreign-file"]
    assert (elsewhere / "f").read_text() == "1"
    assert os.listdir(elsewhere) == ["f"]


@pytest.mark.parametrize(
    "text", ["not json", "[]", "{}", '{"format": 1}', '{"format": 1, "files": {"../x": {}}}', '{"format": 1, "files": {"/etc/passwd": {}}}',
             '{"format": 1, "files": {"a": 1}}', '{"format": 99, "files": {}}', "[" * 100_000]
)  # fmt: skip
def test_a_manifest_that_is_not_ours_decides_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BadManifestError):
        read_manifest(tmp_path)
    assert [d.code for d in refused(tmp_path, files(a="1"))] == ["write/foreign-file"]


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        assert [d.code for d in refused(tmp_path, files(a="1"))] == ["write/busy"]
    finally:
        os.close(handle)
    write(tmp_path, files(a="1"))


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    report = Report()
    with pytest.raises(Stop):
        write(out, files(a="1"), report)
    assert [d.code for d in report] == ["write/foreign-file"]
    assert out.read_text() == "mine"


def test_a_foreign_folder_of_the_working_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".mkit-transaction").mkdir()
    (tmp_path / ".mkit-transaction/mine").write_text("mine")
    assert [d.code for d in refused(tmp_path, files(a="1"))] == ["write/foreign-file"]


def test_the_manifest_is_complete_and_deterministic(tmp_path: Path) -> None:
    outputs = {"b": Output(b"two", 0o600), "a": Output(b"")}
    data = manifest(outputs, {"promtool": "2.42.0", "amtool": "0.25.0"})
    assert data == manifest(dict(reversed(outputs.items())), {"amtool": "0.25.0", "promtool": "2.42.0"})
    body = json.loads(data)
    assert list(body["files"]) == ["a", "b"]
    # The SHA-256 of nothing, FIPS 180-4's first test vector.
    assert body["files"]["a"]["sha256"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert body["files"]["b"] == {"sha256": body["files"]["b"]["sha256"], "mode": "0600", "bytes": 3}
    assert body["verified"] == {"amtool": "0.25.0", "promtool": "2.42.0"}
    assert json.loads(manifest(outputs))["verified"] is False


def test_looking_touches_nothing_and_the_proofs_machine_is_no_drift(tmp_path: Path) -> None:
    outputs = files(a="1", b="1")
    write_tree(tmp_path, outputs, manifest(outputs, {"promtool": "2.42.0"}), Report())
    before = snapshot(tmp_path)
    assert existing_plan(tmp_path, outputs, manifest(outputs, {"promtool": "3.5.0"}), Report()).nothing
    other = files(a="2", c="1")
    plan = existing_plan(tmp_path, other, manifest(other), Report())
    assert (plan.new, plan.changed, plan.orphans) == (["c"], ["a", "manifest.json"], ["b"])
    assert snapshot(tmp_path) == before
