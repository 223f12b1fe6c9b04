"""``docs/runbooks/<alert>.md``: what an alert means and what to do; one page a name, for all services that have it."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.lower.docs import facts as say
from monitoring_kit.lower.docs import families
from monitoring_kit.lower.docs import markdown as md
from monitoring_kit.lower.docs.facts import Facts
from monitoring_kit.lower.model import AlertingRule

# More services than this share one page with the queries of the first few: they differ in the service's name alone.
MOST_QUERIES = 5
_GENERATED = {
    "absent": "mkit generates this alert for every service that is scraped.",
    "watchdog": "This alert always fires. Silence means that Prometheus, Alertmanager or the way between them is broken.",
}


def runbook(facts: Facts, name: str, rules: list[AlertingRule]) -> str:
    """The page of the alert ``name``."""
    first = rules[0]
    return md.page(
        f"# {md.text(name)}",
        f"Severity **{first.severity}**. Tells {_channels(facts, first)}.",
        md.section("What it means", *_meaning(first)),
        md.section("Where", _where(rules)),
        md.section("Query", *_queries(facts, rules)),
        md.section("Probable causes", _causes(facts, rules)),
        md.section("What to look at first", md.numbered(_steps(facts, rules))),
        md.section("Links", md.bullets(_links(facts, rules))),
    )


def _channels(facts: Facts, rule: AlertingRule) -> str:
    channels = facts.system.spec.channels
    return ", ".join(say.channel(channels[name]) for name in rule.notify if name in channels) or "nobody"


def _meaning(rule: AlertingRule) -> list[str]:
    blocks = []
    for condition in rule.conditions:
        signal = condition.use.signal
        blocks.append(f"**{md.text(condition.use.title)}**: {md.text(signal.description)}")
    if rule.conditions:
        blocks.append(f"It fires when {say.condition(rule)}.")
    elif rule.kind != "watchdog":
        blocks.append(_prose(rule.annotations.get("description") or rule.annotations.get("summary", "")))
        blocks.append(f"It fires when {say.condition(rule)}.")
    if rule.keep_firing_for.ms:
        blocks.append(f"It goes on firing for {rule.keep_firing_for} after the condition has ended.")
    blocks.append(_GENERATED.get(rule.kind, families.reading(rule)))
    return blocks


def _prose(template: str) -> str:
    """An annotation: as text, or as code where it holds Prometheus' template actions."""
    return md.code(template) if "{{" in template else md.text(template)


def _where(rules: list[AlertingRule]) -> str:
    rows = [
        (_service_link(rule.service), say.condition(rule), rule.severity, ", ".join(md.code(n) for n in rule.notify))
        for rule in rules
        if rule.service is not None
    ]
    return md.table(("Service", "Fires when", "Severity", "Tells"), rows) if rows else ""


def _queries(facts: Facts, rules: list[AlertingRule]) -> list[str]:
    blocks = []
    for rule in rules[:MOST_QUERIES]:
        if rule.service is not None and len(rules) > 1:
            blocks.append(f"{md.code(rule.service)}:")
        blocks.append(md.fence(rule.printed, "promql"))
    if len(rules) > MOST_QUERIES:
        blocks.append(f"The others ({len(rules) - MOST_QUERIES}) have the same query under their own name.")
    for condition in rules[0].conditions:
        recording = facts.recording_of(rules[0].service, condition)
        if recording is not None:
            blocks.append(f"The series {md.code(recording.record)} is recorded as:")
            blocks.append(md.fence(recording.printed, "promql"))
    return blocks


def _causes(facts: Facts, rules: list[AlertingRule]) -> str:
    items = []
    for name in say.services_of(rules):
        needed = facts.system.services[name].spec.depends_on
        if needed:
            links = ", ".join(_service_link(other) for other in needed)
            items.append(f"{md.code(name)} needs {links}: when one of them is down, this alert is a symptom.")
    return md.bullets(items)


def _steps(facts: Facts, rules: list[AlertingRule]) -> list[str]:
    first = rules[0]
    if first.kind == "watchdog":
        return [
            "Is Prometheus running, and does its page Status → Runtime show the Alertmanagers?",
            f"Does {md.code('prometheus_notifications_dropped_total')} grow? Then no Alertmanager takes the alerts.",
            "Does the log of Alertmanager show failing notifications to the outside receiver?",
        ]
    steps = families.steps(first)
    if any(facts.system.services[name].spec.depends_on for name in say.services_of(rules)):
        down = md.link(md.code(conventions.SERVICE_DOWN), f"{conventions.SERVICE_DOWN}.md")
        steps.append(f"Is {down} firing for a service that it needs? Begin there.")
    if first.service is not None:
        up = md.code(f'up{{job="{first.service}"}}')
        steps.append(f"Do all targets answer? {up} shows the scrapes of {md.code(first.service)}.")
    split = list(dict.fromkeys(label for c in first.conditions for label in c.use.signal.split))
    if split:
        labels = ", ".join(md.code(label) for label in split)
        steps.append(f"Is it everywhere, or in one part only? The dashboard breaks it down by {labels}.")
    if any(c.use.signal.capacity for c in first.conditions):
        steps.append("Does it grow slowly or did it jump? A slow growth asks for capacity, a jump for the last change.")
    steps.append("What changed shortly before: a release, a configuration, the traffic?")
    return steps


def _links(facts: Facts, rules: list[AlertingRule]) -> list[str]:
    system = facts.system
    names = say.services_of(rules)
    shown = names[:MOST_QUERIES]
    about: list[str | None] = list(shown) or [None]
    items = [f"Dashboard: {say.dashboard(system, name)}" for name in about]
    items += [f"Service: {_service_link(name)}" for name in shown]
    own = dict.fromkeys(rule.spec.runbook for rule in rules if rule.spec is not None and rule.spec.runbook)
    own.update(dict.fromkeys(r for name in names if (r := system.services[name].spec.runbook)))
    items += [f"Runbook: {md.link(md.text(url), url)}" for url in own]
    items += [f"Owner: {who}" for who in dict.fromkeys(say.owner(system.owner_of(n)) for n in about) if who]
    return [*items, md.link("All alerts", "../index.md")]


def _service_link(name: str | None) -> str:
    return md.link(md.code(name), f"../services/{name}.md") if name is not None else ""
