"""YAML files of bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..runtime import ConfigError

MAX_BYTES = 4 << 20


def load_yaml(path: Path) -> Any:
    """The file's plain data. ConfigError with the place when it cannot be read."""
    import yaml

    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes")
        return yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or type(error).__name__
        raise ConfigError(f"{path}{place}: not YAML ({what})") from None
