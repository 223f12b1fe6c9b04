"""The mirror that is taken, and what a folder says about itself."""

from pathlib import Path

import pytest

from monitoring_kit.stack import apt, fetch


@pytest.mark.parametrize(
    ("targets", "mirror"),
    [
        ("http://mirror.example/debian trixie\nhttp://other.example/debian sid\n", "http://mirror.example/debian"),
        ("https://apt.example nodistro\nhttp://m.example/debian bookworm\n", "http://m.example/debian"),
        ("http://archive.ubuntu.example/ubuntu noble\n", apt.DEFAULT_MIRROR),
        ("cdrom:[Debian] bookworm\n", apt.DEFAULT_MIRROR),
        ("", apt.DEFAULT_MIRROR),
    ],
)
def test_the_first_mirror_of_debian_itself_is_taken(targets: str, mirror: str) -> None:
    assert apt.pick_mirror(targets) == mirror


@pytest.mark.parametrize("text", [None, "", "[1]", "{bad"])
def test_a_folder_without_a_sound_record_holds_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "packages.json").write_text(text, encoding="utf-8")
    assert apt.PrivateApt("trixie", tmp_path, "http://m.example").unpacked() == {}


def test_a_mirror_that_does_not_answer_is_told_in_apts_words(tmp_path: Path) -> None:
    if not apt.available():
        pytest.skip("apt-get and dpkg are not on this machine")
    # Port 9 (discard) of loopback: refused at once.
    private = apt.PrivateApt("trixie", tmp_path, "http://127.0.0.1:9/debian")
    with pytest.raises(apt.AptError, match=r"apt-get failed \(exit 100\)") as error:
        private.fetch(["promtool"])
    assert "127.0.0.1" in str(error.value)
    assert private.unpacked() == {}


def test_no_writable_folder_is_an_error_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("MKIT_TOOLS_DIR", str(tmp_path / "file"))
    with pytest.raises(fetch.FetchError, match="set MKIT_TOOLS_DIR"):
        fetch.writable_folder()


def test_without_apt_the_pinned_archives_are_tried_and_both_failures_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(fetch.FetchError) as error:
        fetch.fetch("path", tmp_path)
    assert "apt-get and dpkg are not on this machine" in str(error.value)
    assert "no pinned checksum for linux-vax" in str(error.value)


def test_a_tree_is_moved_file_by_file_over_an_older_one(tmp_path: Path) -> None:
    new, root = tmp_path / "new", tmp_path / "root"
    for tree, text in ((new, "new"), (root, "old")):
        (tree / "usr" / "bin").mkdir(parents=True)
        (tree / "usr" / "bin" / "tool").write_text(text, encoding="utf-8")
    (root / "usr" / "bin" / "other").write_text("kept", encoding="utf-8")
    (new / "usr" / "bin" / "link").symlink_to("tool")
    (new / "usr" / "sbin").symlink_to("bin")
    apt._move_tree(new, root)
    assert (root / "usr" / "bin" / "tool").read_text(encoding="utf-8") == "new"
    assert (root / "usr" / "bin" / "other").read_text(encoding="utf-8") == "kept"
    assert (root / "usr" / "bin" / "link").readlink() == Path("tool")
    assert (root / "usr" / "sbin" / "tool").read_text(encoding="utf-8") == "new"
