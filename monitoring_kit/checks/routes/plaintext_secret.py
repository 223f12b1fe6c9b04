"""A secret that stands in the configuration itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.load.nodes import Mapping, Node, Scalar

CODE = "routes/plaintext-secret"
# Key to the key that takes a file instead, by the version of Alertmanager that has it ("" for all since 0.25).
# Source: the `Secret` and `SecretURL` fields of config/config.go and config/notifiers.go.
SECRETS = {
    "smtp_auth_password": ("smtp_auth_password_file", ""), "auth_password": ("auth_password_file", ""),
    "slack_api_url": ("slack_api_url_file", ""), "api_url": ("api_url_file", ""),
    "opsgenie_api_key": ("opsgenie_api_key_file", ""), "api_key": ("api_key_file", ""),
    "victorops_api_key": ("victorops_api_key_file", ""), "routing_key": ("routing_key_file", ""),
    "service_key": ("service_key_file", ""), "bot_token": ("bot_token_file", "0.26"), "user_key": ("user_key_file", "0.26"),
    "token": ("token_file", "0.26"), "wechat_api_secret": ("wechat_api_secret_file", "0.31"), "api_secret": ("api_secret_file", "0.31"),
    "password": ("password_file", ""), "credentials": ("credentials_file", ""), "client_secret": ("client_secret_file", ""),
    "bearer_token": ("bearer_token_file", ""), "webhook_url": ("webhook_url_file", "0.27"), "auth_secret": ("auth_secret_file", "0.31"),
    "secret_key": ("", ""),
}  # fmt: skip
# These keys are plain addresses in some receivers: there only an address with a token in it is a secret.
_ADDRESSES = ("api_url",)
_TOKEN = re.compile(
    r"hooks\.slack\.com/services/|/api/webhooks/\d|://[^/\s:@]+:[^/\s@]+@|[?&](?:token|key|api_key)=|webhook\.office\.com",
    re.I,
)
_PLACEHOLDER = re.compile(r"\$\{?\w+\}?|<[\w -]*>|\{\{.*\}\}|", re.S)


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    pending: list[Node] = [routing.root]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen or isinstance(node, Scalar):
            continue
        seen.add(id(node))
        if not isinstance(node, Mapping):
            pending += reversed(node.items)
            continue
        for key, entry in node.entries.items():
            value = entry.value
            if isinstance(value, Scalar):
                if (key in SECRETS and _is_secret(key, value)) or (key == "url" and _TOKEN.search(value.text)):
                    file, since = SECRETS.get(key, ("url_file", "0.26"))
                    help_ = (
                        f"write it to a file and name that with `{file}`"
                        + (f" (Alertmanager {since} or newer)" if since else "")
                        if file
                        else "keep it out of the file"
                    )
                    yield Diagnostic(
                        CODE,
                        Severity.WARNING,
                        f"a secret stands in plain text: the value of `{key}`",
                        entry.key.span,
                        help_,
                        secret=True,
                    )
            elif key not in ("routes", "match", "match_re"):
                pending.append(value)


def _is_secret(key: str, value: Scalar) -> bool:
    if value.is_null or _PLACEHOLDER.fullmatch(value.text.strip()):
        return False
    return _TOKEN.search(value.text) is not None if key in _ADDRESSES else True


CHECK = RouteCheck(CODE, run)
