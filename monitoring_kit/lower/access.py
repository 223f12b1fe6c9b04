"""How mkit's HTTP clients identify themselves: TLS and login blocks of scrape jobs, discovery and remote stores."""

from __future__ import annotations

from typing import Any

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.lower.tree import Branch
from monitoring_kit.spec.services import BasicAuth, Tls


def client_settings(
    report: Report,
    span: Span,
    *,
    tls: Tls | None = None,
    basic_auth: BasicAuth | None = None,
    bearer_file: str | None = None,
) -> dict[str, Any]:
    """``tls_config``, ``basic_auth`` and ``authorization`` as far as they are set; secrets by file only.

    Reports two logins for one connection and a client certificate without its key: Prometheus refuses both.
    """
    if basic_auth is not None and bearer_file is not None:
        report.error("scrape/auth", "`basic_auth` and `bearer_file` exclude each other", span, help="keep one of them")
    settings: dict[str, Any] = {}
    if basic_auth is not None:
        settings["basic_auth"] = Branch(
            basic_auth.node.span, username=basic_auth.username, password_file=basic_auth.password_file
        )
    if bearer_file is not None:
        settings["authorization"] = Branch(span, type="Bearer", credentials_file=bearer_file)
    if tls is not None:
        settings["tls_config"] = _tls(tls, report)
    return settings


def _tls(tls: Tls, report: Report) -> Branch:
    span = tls.node.span
    if (tls.cert_file is None) != (tls.key_file is None):
        lacking = "key_file" if tls.key_file is None else "cert_file"
        report.error("scrape/tls", f"a client certificate needs `{lacking}` as well", span)
    if tls.insecure_skip_verify:
        report.warning(
            "scrape/tls",
            "any certificate is accepted: whoever sits on the path can pose as the server",
            tls.at("insecure_skip_verify"),
            help="name the signing certificate with `ca_file`, and the name in it with `server_name`",
        )
    return Branch(
        span,
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        server_name=tls.server_name,
        insecure_skip_verify=tls.insecure_skip_verify or None,
    )
