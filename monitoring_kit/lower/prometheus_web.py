"""``prometheus/web.yml``: TLS and login of the Prometheus servers (prometheus/exporter-toolkit, docs/web-configuration.md)."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.platform import WebServer


def lower_web(system: System, report: Report) -> list[OutFile]:
    """The web configuration, when the spec has one. It holds bcrypt hashes, therefore mode 0600."""
    web = system.spec.prometheus.web
    if web is None:
        return []
    return [OutFile(conventions.PROMETHEUS_WEB, "yaml", web_config(web, report), 0o600)]


def web_config(web: WebServer, report: Report) -> Branch:
    """The tree of a web configuration: TLS 1.2 at least, client certificates verified when a CA for them is named."""
    if (web.cert_file is None) != (web.key_file is None):
        lacking = "key_file" if web.key_file is None else "cert_file"
        report.error("web/tls", f"a server certificate needs `{lacking}` as well", web.node.span)
    if web.client_ca_file is not None and web.cert_file is None:
        report.error("web/tls", "client certificates need a server certificate first", web.at("client_ca_file"), help="add `cert_file` and `key_file`")  # fmt: skip
    if web.users and web.cert_file is None:
        report.warning("web/plain-login", "passwords would travel unencrypted", web.at("users"), help="add `cert_file` and `key_file`")  # fmt: skip
    tls = None
    if web.cert_file is not None:
        tls = Branch(
            web.node.span,
            cert_file=web.cert_file,
            key_file=web.key_file,
            client_auth_type="RequireAndVerifyClientCert" if web.client_ca_file is not None else None,
            client_ca_file=web.client_ca_file,
            min_version="TLS12",
        )
    return Branch(
        web.node.span,
        tls_server_config=tls,
        basic_auth_users=Branch(web.at("users"), dict(sorted(web.users.items()))) if web.users else None,
    )
