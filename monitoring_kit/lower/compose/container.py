"""One service of compose.yaml, made safe by default: no root, no capabilities, a read-only file system, limits, a health check."""

from __future__ import annotations

from dataclasses import field
from functools import cache
from typing import Any

from monitoring_kit import __version__
from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.compose.secrets import Secret
from monitoring_kit.lower.tree import Branch
from monitoring_kit.shipped import yaml_of


@dataclass(frozen=True, slots=True)
class Container:
    """A container before it becomes YAML. ``image`` is a key of images.yaml; ``mounts`` are (path beside compose.yaml,
    path inside), read-only; ``data`` are (volume, path inside); ``ports`` are published on loopback only."""

    name: str
    image: str
    origin: Span | None
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    mounts: list[tuple[str, str]] = field(default_factory=list)
    data: list[tuple[str, str]] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def image_name(self) -> str:
        """The image, with its tag. mkit's own have the version of this mkit."""
        name: str = images()[self.image]["image"]
        return name.replace("{version}", __version__)

    def tree(self) -> Branch:
        """The service as compose reads it."""
        image = images()[self.image]
        return Branch(
            self.origin,
            {
                "image": self.image_name,
                "user": image["user"],
                # Configuration that names secrets is 0640 and belongs to whoever ran mkit.
                "group_add": ["${MKIT_GID:-65534}"],
                "command": [literal(part) for part in self.command] or None,
                "environment": {k: literal(v) for k, v in self.environment.items()} or None,
                "volumes": [*map(_bind, self.mounts), *map(_volume, self.data)] or None,
                "secrets": [Branch(source=s.name, target=literal(s.path)) for s in self.secrets] or None,
                "ports": [f"127.0.0.1:{port}" for port in self.ports] or None,
                "networks": {"default": {"aliases": self.aliases}} if self.aliases else None,
                "depends_on": {name: {"condition": "service_healthy"} for name in self.needs} or None,
                "healthcheck": Branch(
                    test=["CMD", *self.health], interval="15s", timeout="5s", retries=4, start_period="30s"
                ),
                "read_only": True,
                "tmpfs": ["/tmp"],  # noqa: S108 - a path inside the container
                "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                "restart": "unless-stopped",
                "deploy": {"resources": {"limits": dict(image["limits"])}},
                **self.extra,
            },
        )


@cache
def images() -> dict[str, dict[str, Any]]:
    """The pinned images by what they run."""
    found: dict[str, dict[str, Any]] = yaml_of("monitoring_kit.lower.compose", "images.yaml")
    return found


def literal(text: str) -> str:
    """``text`` as it stands: compose replaces ``$NAME`` everywhere else."""
    return text.replace("$", "$$")


def _bind(mount: tuple[str, str]) -> Branch:
    return Branch(type="bind", source=f"./{mount[0]}", target=mount[1], read_only=True)


def _volume(data: tuple[str, str]) -> Branch:
    return Branch(type="volume", source=data[0], target=data[1])
