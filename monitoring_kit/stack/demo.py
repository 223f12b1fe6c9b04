"""`make demo`: break a service of a spec on the real servers, and see the right alert reach every channel.

Works for any spec with an alert on the error ratio of an HTTP-like service; the camera system is only the default.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import click

from monitoring_kit.lower.model import AlertingRule
from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.stack.capture import Message
from monitoring_kit.stack.ending import run_tidily
from monitoring_kit.stack.lab import LabError
from monitoring_kit.stack.running import Stack
from monitoring_kit.stack.tools import ensure_tools
from monitoring_kit.verify import verify

# The goals of the system: metrics collected within 30 s, a notification within 5 minutes of the fault.
COLLECTION_GOAL = 30.0
NOTIFICATION_GOAL = 300.0
TRAFFIC_SECONDS = 60.0


@dataclass
class Table:
    """The steps of the demo with their proofs."""

    rows: list[tuple[str, str, float]] = field(default_factory=list)

    def step(self, name: str, run: Callable[[], str]) -> None:
        """Run a step and keep its proof; the step's error ends the demo."""
        click.echo(f"… {name}", err=True)
        start = time.monotonic()
        proof = run()
        self.rows.append((name, proof, time.monotonic() - start))
        click.echo(f"  {proof}", err=True)

    def text(self) -> str:
        """The table for people."""
        names = max(len(r[0]) for r in self.rows)
        proofs = max(len(r[1]) for r in self.rows)
        lines = [f"{'step':{names}}  {'proof':{proofs}}  seconds", f"{'-' * names}  {'-' * proofs}  -------"]
        return "\n".join([*lines, *(f"{n:{names}}  {p:{proofs}}  {s:7.1f}" for n, p, s in self.rows)])


class Failed(Exception):
    """A step was not seen."""


class Demo:
    """The demo of one spec."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.table = Table()
        self.compilation: Compilation | None = None
        self.broken_at = self.healed_at = 0.0
        self.firing: dict[str, Message] = {}

    def run(self) -> None:
        """All steps in order; raises Failed or LabError when one is not seen."""
        self.table.step("set up", self._tools)
        self.table.step("generate", self._generate)
        self.table.step("verify", self._verify)
        assert self.compilation is not None
        rule = self._chosen()
        start = time.monotonic()
        with Stack(self.compilation) as stack:
            self.table.rows.append(("start the servers", self._servers(stack), time.monotonic() - start))
            self.table.step("collect", lambda: self._collect(stack))
            self.table.step("quiet before the fault", lambda: self._quiet(stack))
            self.table.step(f"break {rule.service}", lambda: self._break(stack, rule))
            self.table.step(f"{rule.name} fires", lambda: self._fires(stack, rule))
            self.table.step("notifications", lambda: self._notified(stack, rule))
            self.table.step(f"heal {rule.service}", lambda: self._heal(stack, rule))
            self.table.step("resolve", lambda: self._resolved(stack, rule))
            self.table.step("stop", lambda: "every process ends with this one")

    def _tools(self) -> str:
        tools = ensure_tools()
        return ", ".join(
            f"{name} {tools[name].version}" for name in ("prometheus", "promtool", "alertmanager", "amtool")
        )

    def _generate(self) -> str:
        self.compilation = compile_spec(self.path)
        if not self.compilation.ok:
            raise Failed("\n".join(f"{d.span}: {d.message}" for d in self.compilation.report))
        size = sum(len(o.data) for o in self.compilation.outputs.values())
        return f"{len(self.compilation.outputs)} files, {size / 1024:.0f} KiB"

    def _verify(self) -> str:
        assert self.compilation is not None
        return verified(self.compilation, self.path)

    def _chosen(self) -> AlertingRule:
        """The first critical alert on an error ratio that reaches the most channels."""
        assert self.compilation is not None
        assert self.compilation.model is not None
        fitting = [
            rule for rule in self.compilation.model.alerts
            if rule.severity == "critical" and any(c.use.signal.form == "ratio" for c in rule.conditions)
        ]  # fmt: skip
        if not fitting:
            raise Failed("the spec has no critical alert on an error ratio to demonstrate")
        return max(fitting, key=lambda rule: len(rule.notify))

    def _servers(self, stack: Stack) -> str:
        return f"{stack.prometheus}, {stack.alertmanager}, {len(stack.simulators)} simulated services"

    def _collect(self, stack: Stack) -> str:
        """Every simulated service is scraped: the time until the last one's first sample."""
        started = time.time()
        jobs = "|".join(stack.simulators)
        wanted = len(stack.simulators)
        stack.wait_for(f'count(up{{job=~"{jobs}"}} == 1) >= {wanted}', 90)
        (latest,) = stack.query(f'max(timestamp(up{{job=~"{jobs}"}}))')
        scraped = float(latest["value"][1])  # type: ignore[index]
        latency = max(scraped - started, 0.0)
        return f"{wanted} of {wanted} services, latency {latency:.1f} s (goal < {COLLECTION_GOAL:.0f} s)" + _judged(
            latency, COLLECTION_GOAL
        )

    def _quiet(self, stack: Stack) -> str:
        """A minute of normal traffic: the error ratio has a value and no alert fires."""
        stack.wait_for('count(service:errors:ratio_rate5m{service=~".+"}) > 0', TRAFFIC_SECONDS * 2)
        time.sleep(TRAFFIC_SECONDS)
        firing = stack.query('ALERTS{alertstate="firing", alertname!="Watchdog"}')
        if firing:
            raise Failed(f"alerts fire although nothing is broken: {[f['metric'] for f in firing]}")
        return "no alert fires"

    def _break(self, stack: Stack, rule: AlertingRule) -> str:
        self.broken_at = stack.fault(rule.service or "", "errors")
        return "40 % of its requests now fail"

    def _fires(self, stack: Stack, rule: AlertingRule) -> str:
        selector = f'ALERTS{{alertname="{rule.name}", service="{rule.service}", alertstate="firing"}}'
        stack.wait_for(selector, NOTIFICATION_GOAL)
        others = stack.query(f'ALERTS{{alertname="{rule.name}", alertstate="firing", service!="{rule.service}"}}')
        if others:
            raise Failed(f"{rule.name} also fires for {[o['metric'] for o in others]}")
        return f"for {rule.service} alone, {time.time() - self.broken_at:.0f} s after the fault"

    def _notified(self, stack: Stack, rule: AlertingRule) -> str:
        for channel in rule.notify:
            kind = self._kind(channel)
            message = stack.capture.wait(partial(_tells, rule, kind, resolved=False, since=self.broken_at), 120)
            if message is None:
                raise Failed(f"nothing about {rule.name} reached {channel}")
            self.firing[channel] = message
            click.echo(f"    {channel}: {message.subject}", err=True)
        last = max(m.at for m in self.firing.values()) - self.broken_at
        return f"{', '.join(self.firing)}: {last:.0f} s after the fault (goal < {NOTIFICATION_GOAL:.0f} s)" + _judged(
            last, NOTIFICATION_GOAL
        )

    def _kind(self, channel: str) -> str:
        assert self.compilation is not None
        assert self.compilation.system is not None
        return self.compilation.system.spec.channels[channel].kind

    def _heal(self, stack: Stack, rule: AlertingRule) -> str:
        self.healed_at = stack.heal(rule.service or "")
        return "its requests succeed again"

    def _resolved(self, stack: Stack, rule: AlertingRule) -> str:
        for channel in rule.notify:
            kind = self._kind(channel)
            message = stack.capture.wait(partial(_tells, rule, kind, resolved=True, since=self.healed_at), 600)
            if message is None:
                raise Failed(f"no resolve reached {channel}")
            click.echo(f"    {channel}: {message.subject or message.data.get('event_action', '')}", err=True)
        return f"told to {', '.join(rule.notify)} {time.time() - self.healed_at:.0f} s after the healing"


def _tells(rule: AlertingRule, channel: str, message: Message, *, resolved: bool, since: float) -> bool:
    """Whether ``message`` tells ``channel`` that the alert fires, or that it has ended, after ``since``."""
    return message.channel == channel and message.resolved is resolved and message.at > since and _about(message, rule)


def _about(message: Message, rule: AlertingRule) -> bool:
    everything = f"{message.subject} {message.text} {message.data}"
    return rule.name in everything and (rule.service or "") in everything


def _judged(value: float, goal: float) -> str:
    if value >= goal:
        raise Failed(f"{value:.0f} s is not below the goal of {goal:.0f} s")
    return ""


def verified(compilation: Compilation, path: str) -> str:
    """Verify a compilation with the real tools; Failed when a proof fails."""
    assert compilation.model is not None
    meant = sum(len(group.rules) for group in compilation.model.groups)
    assert compilation.system is not None
    features = compilation.system.spec.prometheus.features
    proof = verify(compilation.outputs, meant, compilation.report, path, features=features)
    if not compilation.ok:
        raise Failed("\n".join(f"{d.span}: {d.message}" for d in compilation.report))
    return (
        f"{sum(1 for _ in compilation.model.alerts)} alerts and {sum(1 for _ in compilation.model.recordings)} recording rules proven by "
        + ", ".join(f"{name} {version}" for name, version in sorted(proof.tools.items()))
    )


def main() -> None:
    demo = Demo(sys.argv[1])
    try:
        demo.run()
    except (Failed, LabError) as error:
        if demo.table.rows:
            click.echo(demo.table.text())
        click.echo(f"NOT SEEN: {error}", err=True)
        sys.exit(1)
    click.echo(demo.table.text())


if __name__ == "__main__":
    run_tidily(main)
