"""All or nothing, shown by killing the writer at every step, by a full disk and by a disk that refuses."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring_kit.diagnostics import Report, Stop
from monitoring_kit.emit import Output
from monitoring_kit.write import manifest_bytes, write_tree
from monitoring_kit.write.transaction import WORK

# Every call by which the writer changes the disk.
CALLS = ("mkdir", "open", "write", "fchmod", "fsync", "link", "replace", "unlink", "rmdir")

OLD = {
    "a": Output(b"old a"),
    "b/c": Output(b"old c", 0o600),
    "gone/x": Output(b"old x"),
    "becomes": Output(b"a file"),
    "same": Output(b"same"),
}
NEW = {
    "a": Output(b"new a"),
    "b/c": Output(b"new c", 0o600),
    "b/d/e": Output(b"new e"),
    "becomes/folder": Output(b"f"),
    "same": Output(b"same"),
}


def write(out: Path, outputs: dict[str, Output], report: Report | None = None) -> None:
    data = manifest_bytes(outputs, spec_file="s", spec_sha256="x", environment=None, targets={}, verified=False)
    write_tree(out, outputs, data, report if report is not None else Report())


def snapshot(out: Path) -> dict[str, object]:
    """Files with content and mode. A folder that a removal left empty may outlive a crash: it is taken away after the commit."""
    return {
        str(p.relative_to(out)): (p.read_bytes(), p.stat().st_mode)
        for p in sorted(out.rglob("*"))
        if WORK not in p.parts and p.is_file()
    }


def in_child(action: Callable[[], None]) -> int:
    """Run ``action`` in a forked child; its wait status."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def wrap(nth: int, what: Callable[[], None]) -> None:
    """From now on, in this process, do ``what`` before the ``nth`` call that changes the disk."""
    left = [nth]

    def make(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **more: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                what()
            return real(*args, **more)

        return call

    for name in CALLS:
        setattr(os, name, make(getattr(os, name)))


def states(tmp_path: Path) -> tuple[dict[str, object], dict[str, object]]:
    for name, tree in (("old", OLD), ("new", NEW)):
        write(tmp_path / name, tree)
    return snapshot(tmp_path / "old"), snapshot(tmp_path / "new")


def test_killed_at_any_step_the_folder_is_as_it_was_or_as_meant(tmp_path: Path) -> None:
    old, new = states(tmp_path)
    seen = {"old": 0, "new": 0, "unfinished": 0}
    for nth in range(1, 1000):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        write(out, OLD)
        (out / "foreign").write_text("mine")

        def run(nth: int = nth, out: Path = out) -> None:
            wrap(nth, lambda: os.kill(os.getpid(), signal.SIGKILL))
            write(out, NEW)

        status = in_child(run)
        if status == 0:
            break
        assert os.WIFSIGNALED(status)
        # No file is ever half written, even before the next start.
        for name, tree in (("a", {b"old a", b"new a"}), ("b/c", {b"old c", b"new c"}), ("same", {b"same"})):
            assert (out / name).read_bytes() in tree
        seen["unfinished"] += (out / WORK / "journal").exists()
        # The next start puts it back first: let that start be one that writes the old tree again.
        in_child(lambda out=out: (os.chdir(out), _recover_only(out))[-1])  # type: ignore[misc]
        assert (out / "foreign").read_text() == "mine"
        (out / "foreign").unlink()
        now = snapshot(out)
        assert not (out / WORK).exists()
        assert now in (old, new), f"step {nth}: {sorted(now)}"
        seen["new" if now == new else "old"] += 1
    else:
        pytest.fail("the writer never finished")
    assert nth > 60
    assert all(seen.values()), seen


def _recover_only(out: Path) -> None:
    from monitoring_kit.write.transaction import locked, recover

    with locked(out):
        recover(out)


def test_a_recovery_that_is_killed_itself_is_finished_by_the_next(tmp_path: Path) -> None:
    old, _ = states(tmp_path)
    out = tmp_path / "out"
    write(out, OLD)
    half = tmp_path / "half"

    def until_the_last_replace() -> None:
        count = [0]
        real = os.replace

        def replace(*args: object, **more: object) -> None:
            count[0] += 1
            if count[0] == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*args, **more)  # type: ignore[arg-type]

        os.replace = replace  # type: ignore[assignment]
        write(out, NEW)

    assert os.WIFSIGNALED(in_child(until_the_last_replace))
    assert (out / WORK / "journal").exists()
    for nth in range(1, 200):
        shutil.rmtree(half, ignore_errors=True)
        subprocess.run(["cp", "-a", str(out), str(half)], check=True)

        def run(nth: int = nth) -> None:
            wrap(nth, lambda: os.kill(os.getpid(), signal.SIGKILL))
            _recover_only(half)

        done = in_child(run) == 0
        _recover_only(half)
        assert snapshot(half) == old
        assert not (half / WORK).exists()
        if done:
            break
    assert nth > 5


def test_an_interrupt_at_any_step_undoes_at_once(tmp_path: Path) -> None:
    old, new = states(tmp_path)
    for nth in range(1, 1000):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        write(out, OLD)

        def interrupt() -> None:
            raise KeyboardInterrupt

        def run(nth: int = nth, out: Path = out) -> None:
            wrap(nth, interrupt)
            write(out, NEW)

        if in_child(run) == 0:
            break
        assert snapshot(out) in (old, new)
        assert not (out / WORK / "journal").exists()
    assert nth > 60


def test_an_interrupted_run_is_told_by_the_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, OLD)

    def run() -> None:
        os.unlink = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        write(out, NEW)

    in_child(run)
    report = Report()
    write(out, NEW, report)
    assert [d.code for d in report] == ["write/recovered"]


def test_a_disk_quota_leaves_the_old_tree(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes write(2) fail with EFBIG after some bytes, as a quota does."""
    out = tmp_path / "out"
    write(out, OLD)
    before = snapshot(out)

    def run() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        report = Report()
        try:
            write(out, {**NEW, "big": Output(b"x" * 5000)}, report)
        except Stop:
            os._exit(42 if [d.code for d in report] == ["write/disk-full"] else 43)

    assert os.waitstatus_to_exitcode(in_child(run)) == 42
    assert snapshot(out) == before
    assert not (out / WORK).exists()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_tree(mounted: Path) -> None:
    write(mounted / "out", OLD)
    before = snapshot(mounted / "out")
    report = Report()
    with pytest.raises(Stop):
        write(mounted / "out", {**NEW, **{f"big{n}": Output(b"x" * 4096) for n in range(30)}}, report)
    (found,) = report
    assert found.code == "write/disk-full"
    assert "room" in found.message
    assert snapshot(mounted / "out") == before
    write(mounted / "out", NEW)
    # A first write that does not fit leaves no folder behind.
    with pytest.raises(Stop):
        write(mounted / "first", {"big": Output(b"x" * 100_000)})
    assert not (mounted / "first").exists()


def test_a_read_only_file_system_is_told(mounted: Path) -> None:
    write(mounted / "out", OLD)
    before = snapshot(mounted / "out")
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    for out in (mounted / "out", mounted / "other"):
        report = Report()
        with pytest.raises(Stop):
            write(out, NEW, report)
        assert [d.code for d in report] == ["write/read-only"]
    assert snapshot(mounted / "out") == before


def test_a_folder_without_write_permission_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, OLD)
    before = snapshot(out)
    out.chmod(0o555)

    def run() -> None:
        if os.geteuid() == 0:
            for parent in out.parents:
                if str(parent).startswith("/tmp/"):
                    parent.chmod(0o755)
            (out / "b/c").chmod(0o644)
            os.setuid(65534)
        report = Report()
        try:
            write(out, NEW, report)
        except Stop:
            os._exit(42 if [d.code for d in report] == ["write/read-only"] else 43)

    assert os.waitstatus_to_exitcode(in_child(run)) == 42
    out.chmod(0o755)
    (out / "b/c").chmod(0o600)
    assert snapshot(out) == before


def test_a_file_system_without_hard_links_is_undone_as_well(tmp_path: Path) -> None:
    old, new = states(tmp_path)
    out = tmp_path / "out"
    for last, want in ((3, old), (1000, new)):
        shutil.rmtree(out, ignore_errors=True)
        write(out, OLD)

        def run(last: int = last) -> None:
            def no_link(*args: object, **more: object) -> None:
                raise PermissionError(1, "Operation not permitted")

            real, left = os.replace, [last]

            def replace(*args: object, **more: object) -> None:
                left[0] -= 1
                if left[0] == 0:
                    raise OSError(5, "Input/output error")
                real(*args, **more)  # type: ignore[arg-type]

            os.link, os.replace = no_link, replace  # type: ignore[assignment]
            write(out, NEW)

        in_child(run)
        assert snapshot(out) == want
        assert not (out / WORK).exists()


def test_a_folder_that_cannot_be_locked_is_still_written(tmp_path: Path) -> None:
    """NFS emulates flock(2) by byte-range locks, which a folder does not have."""
    import fcntl

    def run() -> None:
        def flock(*args: object) -> None:
            raise OSError(9, "Bad file descriptor")

        fcntl.flock = flock  # type: ignore[assignment]
        write(tmp_path / "out", OLD)

    assert in_child(run) == 0
    assert (tmp_path / "out/a").read_bytes() == b"old a"


def test_many_files_are_flushed_at_once(tmp_path: Path) -> None:
    many = {f"d{n % 7}/f{n}": Output(str(n).encode()) for n in range(500)}
    write(tmp_path / "out", many)
    assert {p: (tmp_path / "out" / p).read_bytes() for p in many} == {p: o.data for p, o in many.items()}
    fewer = {p: o for p, o in many.items() if not p.startswith("d3/")}
    write(tmp_path / "out", fewer)
    assert {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()} == {
        *fewer,
        "manifest.json",
    }
    assert not (tmp_path / "out/d3").exists()
