"""What in a spec is a secret: by the name of its key, or as part of a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from typing import Any

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence

_SECRET = re.compile(
    r"(?i)(.*_)?(pass|passwd|password|passphrase|pw|pwd|secret|credentials?|token|bearer"
    r"|(api|routing|service|integration|user|access|auth|private|secret|shared|subscription)_?key)"
)
_SECRET_URL = re.compile(r"(?i)(webhook|((api|hook|webhook|incoming)_?)?url)")
# Headers in which logins and keys travel, besides those that `_SECRET` knows.
_SECRET_HEADER = re.compile(r"(?i)(proxy_)?authorization|cookie|(x_)?auth")
# user:password@, where the password may hold what ought to be percent-encoded; `h:80/@x` has a port there.
_USER_INFO = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)?[^/?#@\s\[]*:(?!\d+(?:[/?#]|$))(?!//)[^@\s]*@")
# A user alone is a token with many services, and elsewhere its password comes next.
_LONE_USER = re.compile(r"(?i)https?://[^/?#\s]*@")
_SECRET_PARAMETER = re.compile(
    r"(?i)[?&]([\w-]*(token|secret|passwd|password|pwd|signature)|(\w+[_-])?(api|access|auth|secret|private)[_-]?key|key|pass|sig|auth)="
)
# `p` is a password beside a user only, as InfluxDB has it; elsewhere it is a page.
_INFLUX_LOGIN = re.compile(r"(?i)[?&]p=")
_INFLUX_USER = re.compile(r"(?i)[?&]u=")
_NO_SECRETS = ("ca_file", "cert_file", "client_ca_file")


def carries_credential(url: str) -> bool:
    """Whether an address has a login before its host or a secret as a parameter."""
    if _USER_INFO.match(url) or _LONE_USER.match(url) or _SECRET_PARAMETER.search(url):
        return True
    return bool(_INFLUX_LOGIN.search(url) and _INFLUX_USER.search(url))


def report_inline_secrets(
    node: Node | None, report: Report, *, named: bool = False, headers: bool = False, files: bool = False
) -> None:
    """Report every secret below ``node``, a block whose keys others judge: an inline password, token, DSN or header.

    ``named``: the block's own keys are names of the author's choice, where `token` is no secret; ``headers``: they are HTTP's;
    ``files``: each names a file, so that `X-Api-Key` is right there.
    """
    if isinstance(node, Sequence):
        for item in node.items:
            if isinstance(item, Scalar) and carries_credential(item.text):
                _report("url", item.span, report)
            report_inline_secrets(item, report)
    for name, entry in node.entries.items() if isinstance(node, Mapping) else ():
        if isinstance(entry.value, Scalar) and (files or name.endswith("_file")):
            _report_pasted(name, entry.value, report)
        elif _is_secret(name, entry.value, named=named):
            _report(name, entry.key.span, report, header=headers)
        elif not isinstance(entry.value, Scalar):
            report_inline_secrets(entry.value, report, headers=name == "headers", files=name == "header_files")


def _is_secret(name: str, value: Node, *, named: bool) -> bool:
    plain = name.replace("-", "_")
    by_name = not named and (name.lower() == "dsn" or _SECRET.fullmatch(plain) or _SECRET_HEADER.fullmatch(plain))
    if isinstance(value, Scalar):
        return not value.is_null and bool(by_name or carries_credential(value.text))
    # A password in a list is refused as a type, and would be shown with that.
    return bool(by_name)


def _report(name: str, span: Span, report: Report, *, header: bool = False) -> None:
    what, file = "would put a secret", "password_file"
    plain = name.lower().replace("-", "_")
    if header and plain != "authorization":
        where = f"keep it in a file on the exporter's machine and name that: `header_files: {{{name}: /run/secrets/{plain}}}`"
        report.error("secrets/inline", f"`{name}` {what} into the spec and its output", span, secret=True, help=where)
        return
    if plain in ("dsn", "url"):
        what, file = "puts a credential", "dsn_file"
    elif header or {"token", "bearer"} & set(plain.split("_")):
        file = "bearer_file"
    where = f"keep it in a file on the exporter's machine and name that: `{file}: /run/secrets/{file.removesuffix('_file')}`"
    report.error("secrets/inline", f"`{name}` {what} into the spec and its output", span, secret=True, help=where)


def _report_pasted(name: str, value: Scalar, report: Report) -> None:
    """Report what stands where a file's path is wanted and is none: most likely the secret itself."""
    if not value.is_null and ("/" not in value.text or carries_credential(value.text)):
        report.error(
            "secrets/inline", f"`{name}` names a file, and its value is no path of one", value.span, secret=True,
            help="write the path of the file that holds the secret, such as `/run/secrets/key`, or `./key` beside the exporter",
        )  # fmt: skip


def report_inline_parameters(node: Node | None, report: Report) -> None:
    """Report a secret in the ``path`` of the entries of ``node``: what each adds to its source's URL."""
    for entry in node.entries.values() if isinstance(node, Mapping) else ():
        path = entry.value.get("path") if isinstance(entry.value, Mapping) else None
        if isinstance(path, Scalar) and carries_credential(path.text):
            report.error(
                "secrets/inline", "`path` puts a credential into the spec and its output", path.span, secret=True,
                help="keep the source's whole URL with the parameter in a file: `dsn_file: /run/secrets/dsn`, "
                "or send it as a header: `header_files: {X-Api-Key: /run/secrets/key}`",
            )  # fmt: skip


def report_inline_login(node: Node | None, report: Report) -> None:
    """Report a login in the ``url`` of ``node``, the address of an endpoint that is read without one."""
    url = node.get("url") if isinstance(node, Mapping) else None
    if isinstance(url, Scalar) and carries_credential(url.text):
        report.error(
            "secrets/inline", "`url` puts a credential into the spec and its output", url.span, secret=True,
            help="the exporter reads this endpoint without a login: name an address that needs none, such as the model's own port on its pod",
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
