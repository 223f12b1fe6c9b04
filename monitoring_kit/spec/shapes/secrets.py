"""What in a spec is a secret: by the name of its key, or as part of a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence

_SECRET = re.compile(
    r"(?i)(.*_)?(pass|passwd|password|pw|secret|credentials?|token|bearer|(api|routing|service|integration|user)_?key)"
)
_SECRET_URL = re.compile(r"(?i)(webhook|((api|hook|webhook|incoming)_?)?url)")
_USER_INFO = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^/?#\s]*:[^/?#\s]*@")
_SECRET_PARAMETER = re.compile(r"(?i)[?&](p|pass|password|token|key|secret|api_?key)=")
_SECRET_HEADER = re.compile(r"(?i)(proxy-)?authorization|cookie|x-.*(key|token|secret)")
_NO_SECRETS = ("ca_file", "cert_file", "client_ca_file")


def carries_credential(url: str) -> bool:
    """Whether a URL has a password before its host or as a parameter."""
    return bool(_USER_INFO.match(url) or _SECRET_PARAMETER.search(url))


def report_inline_secrets(node: Node | None, report: Report) -> None:
    """Report every secret below ``node``, a block whose keys others judge: an inline password, token, DSN or header."""
    if isinstance(node, Sequence):
        for item in node.items:
            report_inline_secrets(item, report)
    for name, entry in node.entries.items() if isinstance(node, Mapping) else ():
        value = entry.value
        if not isinstance(value, Scalar):
            report_inline_secrets(value, report)
            continue
        by_name = name.lower() == "dsn" or _SECRET.fullmatch(name) or _SECRET_HEADER.fullmatch(name)
        if value.is_null or not (by_name or carries_credential(value.text)):
            continue
        what, instead = "would put a secret", "password_file"
        if name.lower() in ("dsn", "url"):
            what, instead = "puts a credential", "dsn_file"
        elif _SECRET_HEADER.fullmatch(name) or {"token", "bearer"} & set(name.lower().split("_")):
            instead = "bearer_file"
        report.error(
            "secrets/inline", f"`{name}` {what} into the spec and its output", entry.key.span, secret=True,
            help=f"keep it in a file on the exporter's machine and name that: `{instead}: /run/secrets/{instead.removesuffix('_file')}`",
        )  # fmt: skip


def secret_file(name: str, known: Map[str, Any]) -> str | None:
    """The key that names the file of the secret which the unknown key ``name`` would hold inline; None when it holds none."""
    files = [k for k in known if k.endswith("_file") and k not in _NO_SECRETS]
    if f"{name}_file" in files:
        return f"{name}_file"
    if _SECRET_URL.fullmatch(name):
        files = [k for k in files if k in ("webhook_file", "url_file")]
    elif _SECRET.fullmatch(name) is None:
        return None
    words = set(name.lower().split("_"))
    return max(files, key=lambda file: len(words & set(file.split("_"))), default=None)
