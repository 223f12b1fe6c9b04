"""The folders that sockets and state files lie in."""

from __future__ import annotations

import os
from pathlib import Path


def folder_fault(path: Path, *, makes: bool) -> str:
    """Why no file can be kept at ``path`` by this user, with what to do; "" when it can. With ``makes`` its folder may be
    missing, when it can be made."""
    wanted = folder = path.absolute().parent
    # os.path, not Path: its exists and is_dir raise where this user may not look.
    while not os.path.lexists(folder):
        folder = folder.parent
    if not os.path.isdir(folder):
        if os.path.islink(folder):
            return f"{folder} is a link that leads to no folder that this user may enter: let it lead to one"
        return f"{folder} is a file and no folder: move it away"
    if folder != wanted and not os.access(folder, os.X_OK):
        return f"this user may not look into the folder {folder}: change its owner"
    if folder != wanted and not makes:
        return f"the folder {wanted} does not exist: create it"
    if os.access(folder, os.W_OK | os.X_OK):
        return ""
    if folder != wanted:
        return f"this user may not make the folder {wanted}: create it for this user"
    return f"this user may not write into the folder {folder}: change its owner"


def file_fault(path: Path) -> str:
    """Why what is at ``path`` cannot be a file of this user's, with what to do; "" when it can, or when nothing is there."""
    if os.path.isdir(path):
        return "is a folder: name a file in it"
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        return "this user may not write it: change its owner"
    return ""


def make_folder(path: Path) -> str:
    """Make the folder of ``path`` (0750) where it is missing; as ``folder_fault`` when that, or what it is for, is not possible."""
    if fault := folder_fault(path, makes=True):
        return fault
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        return f"the folder {path.parent} cannot be made ({error.strerror}): create it for this user"
    return ""
