"""``docs/compose.md``: what to put beside compose.yaml, and where the servers answer."""

from __future__ import annotations

import json

from monitoring_kit.lower.compose.container import Container, images
from monitoring_kit.lower.compose.own import STATE_FOLDER, build_lines
from monitoring_kit.lower.compose.secrets import Secrets
from monitoring_kit.lower.docs import markdown as md

_START = """\
mkdir -p secrets && chmod 700 secrets    # then the files below, mode 0640
export MKIT_GID=$(id -g)                 # the containers' users join your group, to read 0640 files
docker compose up --detach --wait"""


def compose_page(containers: list[Container], secrets: Secrets, network: str) -> str:
    """The page."""
    ports = [(md.code(c.name), ", ".join(md.code(f"127.0.0.1:{p.split(':')[0]}") for p in c.ports)) for c in containers]
    return md.page(
        "# Running the stack",
        "In the folder that holds `compose.yaml`:",
        md.fence(_START, "sh"),
        _build(containers),
        md.section(
            "Secrets",
            "Each is a file in `secrets/` (or in the folder that `MKIT_SECRETS` names). mkit writes none of them.",
            md.table(("File", "Seen by the servers as"), [(md.code(s.name), md.code(s.path)) for s in secrets.all()]),
            *_beside(secrets),
        ),
        md.section(
            "Who may read what",
            "No container runs as root, so the files must be readable for their users: configuration that names secrets is "
            "0640 and read through your group; `web.yml` holds password hashes, is 0600, and must belong to the user 65534.",
        ),
        md.section("Where they answer", md.table(("Container", "Address"), [row for row in ports if row[1]])),
        md.section(
            "Your own services",
            f"They must join the network {md.code(network)}, under the names that their scrape targets use.",
        ),
        md.link("All pages", "index.md"),
    )


def _beside(secrets: Secrets) -> list[str]:
    """Files that a server looks for below its own configuration: that folder is one read-only mount, so they must be in it."""
    rows = [(md.code(here), md.code(inside)) for here, inside in secrets.beside()]
    if not rows:
        return []
    text = (
        "These lie below a folder of configuration that is mounted as a whole; put them there, mkit leaves them alone."
    )
    return [text, md.table(("File", "Seen by the servers as"), rows)]


# Whose processes the AI exporter sees.
_PID = 'pid: "service:ai-exporter"'


def _build(containers: list[Container]) -> str:
    """How mkit's own exporters get onto the machine; nothing when the stack has none."""
    lines = build_lines(containers)
    if not lines:
        return ""
    shared = [
        f"{md.code(volume)} at {md.code(path)}"
        for c in containers
        for volume, path in c.data
        if volume.endswith("-socket")
    ]
    group = json.dumps(images()["ai"]["user"].rpartition(":")[2])
    return md.section(
        "The exporters' images",
        "They are built once from a checkout of mkit (or its source archive) and never pulled:",
        md.fence("\n".join(lines), "sh"),
        f"Their state is in the volumes at {md.code(STATE_FOLDER)}; a database file of SQLite needs a mount of its own in an override file.",
        *(
            [
                f"A model sends to the AI exporter through the volume {', '.join(shared)}: mount it there, and give the model's "
                f"container {md.code(f'group_add: [{group}]')}. With {md.code(_PID)} there as well the exporter sees the "
                "model's processes; without, it has no figures of their CPU and memory, and an alert on those cannot fire."
            ]
            if shared
            else []
        ),
    )
