"""The web configuration file: exporter-toolkit's schema, read strictly and without showing secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .durations import duration
from .errors import ConfigError
from .records import dataclass, field

_TLS_KEYS = {
    "cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file", "client_auth_type", "client_allowed_sans",
    "min_version", "max_version", "cipher_suites", "prefer_server_cipher_suites", "curve_preferences",
}  # fmt: skip
_KEYS = {"tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"}
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")
_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}\Z")


@dataclass(frozen=True, repr=False)
class TLSConfig:
    """``tls_server_config``: PEM text or files; not shown by ``repr`` because it holds a key."""

    cert: str | None = None
    key: str | None = None
    client_ca: str | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    client_auth_type: str = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.cert_file, self.key_file, self.client_ca_file) if path)


@dataclass(frozen=True, repr=False)
class WebConfig:
    """The whole file. ``interval`` 0 means no rate limit; ``users`` maps names to bcrypt hashes."""

    tls: TLSConfig | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    interval: float = 0.0
    burst: int = 1


def load_web_config(path: Path) -> WebConfig:
    """Read and check the file; relative file names are relative to it. ConfigError names the file and the key."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text("utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: not YAML") from None
    try:
        return _parse(_mapping(data, "the file"), path.parent)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def _parse(data: Mapping[str, Any], folder: Path) -> WebConfig:
    _known(data, _KEYS, "")
    tls = data.get("tls_server_config")
    limit = _mapping(data.get("rate_limit"), "rate_limit")
    _known(limit, {"interval", "burst"}, "rate_limit.")
    return WebConfig(
        tls=None if tls is None else _tls(_mapping(tls, "tls_server_config"), folder),
        headers=_headers(_mapping(data.get("http_server_config"), "http_server_config")),
        users=_users(_mapping(data.get("basic_auth_users"), "basic_auth_users")),
        interval=duration(limit.get("interval", 0), "rate_limit.interval"),
        burst=_burst(limit.get("burst", 1)),
    )


def _tls(data: Mapping[str, Any], folder: Path) -> TLSConfig:
    _known(data, _TLS_KEYS, "tls_server_config.")
    for key in ("cert", "key", "client_ca"):
        if data.get(key) and data.get(f"{key}_file"):
            raise ValueError(f"tls_server_config: {key} and {key}_file exclude each other")
    for key in ("cert", "key"):
        if not data.get(key) and not data.get(f"{key}_file"):
            raise ValueError(f"tls_server_config: {key} or {key}_file is missing")
    fields: dict[str, Any] = {"prefer_server_cipher_suites": bool(data.get("prefer_server_cipher_suites", True))}
    for key, value in data.items():
        if value and key in ("client_allowed_sans", "cipher_suites", "curve_preferences"):
            fields[key] = tuple(_text(item, key) for item in value)
        elif value and key != "prefer_server_cipher_suites":
            fields[key] = folder / _text(value, key) if key.endswith("_file") else _text(value, key)
    config = TLSConfig(**fields)
    _check_tls(config)
    return config


def _check_tls(config: TLSConfig) -> None:
    for version in (config.min_version, config.max_version):
        if version not in VERSIONS:
            raise ValueError(f"tls_server_config: unknown TLS version {version!r} (known: {', '.join(VERSIONS)})")
    if VERSIONS.index(config.min_version) > VERSIONS.index(config.max_version):
        raise ValueError("tls_server_config: min_version is above max_version")
    kind = config.client_auth_type
    if kind in ("RequestClientCert", "RequireAnyClientCert"):
        raise ValueError(
            f"tls_server_config: client_auth_type {kind} does not verify certificates; use RequireAndVerifyClientCert"
        )
    if kind not in ("NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"):
        raise ValueError(f"tls_server_config: unknown client_auth_type {kind!r}")
    has_ca = bool(config.client_ca or config.client_ca_file)
    if has_ca != (kind != "NoClientCert"):
        raise ValueError("tls_server_config: client_ca(_file) and a verifying client_auth_type need each other")
    if config.client_allowed_sans and kind != "RequireAndVerifyClientCert":
        raise ValueError("tls_server_config: client_allowed_sans needs RequireAndVerifyClientCert")


def _headers(data: Mapping[str, Any]) -> dict[str, str]:
    _known(data, {"http2", "headers"}, "http_server_config.")
    out: dict[str, str] = {}
    for name, value in _mapping(data.get("headers"), "http_server_config.headers").items():
        allowed = _HEADERS.get(name)
        if allowed is None:
            raise ValueError(f"http_server_config: header {name!r} cannot be configured (can: {', '.join(_HEADERS)})")
        text = _text(value, name)
        if allowed and text not in allowed:
            raise ValueError(f"http_server_config: {name} must be one of {', '.join(allowed)}")
        if not text.isascii() or not text.isprintable():
            raise ValueError(f"http_server_config: {name} must be printable ASCII")
        if text:
            out[name] = text
    return out


def _users(data: Mapping[str, Any]) -> dict[str, str]:
    for name, digest in data.items():
        match = _BCRYPT.match(digest) if isinstance(digest, str) else None
        if match is None or not 4 <= int(match[1]) <= 31:
            raise ValueError(f"basic_auth_users: the password of {name!r} is not a bcrypt hash")
    return {str(name): str(digest) for name, digest in data.items()}


def _burst(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("rate_limit.burst must be an integer of at least 1")
    return value


def _mapping(data: Any, name: str) -> Mapping[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise ValueError(f"{name} must be a mapping")
    return data


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string")
    return value


def _known(data: Mapping[str, Any], keys: set[str], prefix: str) -> None:
    unknown = sorted(str(key) for key in data if key not in keys)
    if unknown:
        raise ValueError(f"unknown key {prefix}{unknown[0]} (known: {', '.join(sorted(keys))})")
