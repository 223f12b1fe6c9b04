"""alertmanager.yml as a positioned routing tree. Source: ``config/config.go`` of Alertmanager 0.25 to 0.34."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from monitoring_kit.checks.routing.matchers import Matcher, MatcherError, parse, split
from monitoring_kit.diagnostics import Report, Source, Span
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.load.files import documents
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence
from monitoring_kit.promql.literals import parse_duration

TIMES = {"group_wait": 30_000, "group_interval": 300_000, "repeat_interval": 14_400_000}
ROUTE_KEYS = (
    "receiver", "group_by", "continue", "match", "match_re", "matchers", "group_wait", "group_interval", "repeat_interval",
    "mute_time_intervals", "active_time_intervals", "routes", "labels",
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Route:
    """One route. ``times`` are in milliseconds, inherited where the route has none of its own."""

    node: Mapping
    span: Span
    matchers: list[Matcher]
    parent: Route | None
    receiver: str
    continues: bool = False
    children: list[Route] = field(default_factory=list)
    times: dict[str, int] = field(default_factory=dict)
    texts: list[Scalar] = field(default_factory=list)

    @property
    def where(self) -> Span:
        """What tells the route: its first matcher, else its receiver."""
        if self.matchers:
            return self.matchers[0].span
        return self.node.value_span("receiver") if "receiver" in self.node.entries else self.span

    def path(self) -> list[Matcher]:
        """The matchers of this route and of all above it."""
        return [*(self.parent.path() if self.parent else ()), *self.matchers]

    def walk(self) -> Iterator[Route]:
        """This route and all below it, in the order written."""
        pending = [self]
        while pending:
            route = pending.pop()
            yield route
            pending += reversed(route.children)


@dataclass(slots=True, eq=False)
class Inhibition:
    """One inhibition rule; ``equal`` has the span of each label."""

    span: Span
    source: list[Matcher]
    target: list[Matcher]
    equal: list[tuple[str, Span]]


@dataclass(slots=True, eq=False)
class Routing:
    """What an alertmanager.yml says about routes. ``receivers`` and ``intervals`` are names with their spans."""

    root: Mapping
    tree: Route | None
    receivers: dict[str, Span]
    intervals: dict[str, Span]
    inhibitions: list[Inhibition]
    matcher_texts: list[Scalar] = field(default_factory=list)

    def routes(self) -> Iterator[Route]:
        if self.tree is not None:
            yield from self.tree.walk()


def read_routing(source: Source, report: Report) -> Routing | None:
    """The routing tree; what Alertmanager would refuse is reported. None when the file holds no configuration."""
    found = documents(source, report)
    if not found:
        return None
    root = found[0].root
    if not isinstance(root, Mapping) or not ("route" in root.entries or "receivers" in root.entries):
        report.error(
            "routes/invalid",
            "this is no Alertmanager configuration: it has no `route`",
            root.span,
            help="name the alertmanager.yml",
        )
        return None
    receivers = _named(root, ("receivers",), report)
    intervals = _named(root, ("time_intervals", "mute_time_intervals"), report)
    top = root.get("route")
    tree = _route(top, None, report) if isinstance(top, Mapping) else None
    if tree is None:
        report.error(
            "routes/invalid",
            "there is no `route`: Alertmanager refuses the file",
            root.span,
            help="write `route: {receiver: …}`",
        )
    else:
        _references(tree, receivers, intervals, report)
    inhibitions, texts = [], [text for route in tree.walk() for text in route.texts] if tree else []
    for node in _items(root.get("inhibit_rules")):
        if isinstance(node, Mapping):
            inhibitions.append(_inhibition(node, texts, report))
    return Routing(root, tree, receivers, intervals, inhibitions, texts)


def _items(node: Node | None) -> list[Node]:
    return node.items if isinstance(node, Sequence) else []


def _named(root: Mapping, keys: tuple[str, ...], report: Report) -> dict[str, Span]:
    found: dict[str, Span] = {}
    for key in keys:
        for item in _items(root.get(key)):
            name = item.get("name") if isinstance(item, Mapping) else None
            if not isinstance(name, Scalar) or not name.text:
                report.error("routes/invalid", f"an entry of `{key}` has no name", item.span)
            elif name.text in found:
                report.error(
                    "routes/invalid", f"the name `{name.text}` is there twice: Alertmanager refuses the file", name.span
                )
            else:
                found[name.text] = name.span
    return found


def _route(node: Mapping, parent: Route | None, report: Report) -> Route:
    for key, entry in node.entries.items():
        if key not in ROUTE_KEYS:
            report.error(
                "routes/invalid",
                f"a route has no key `{key}`: Alertmanager refuses the file",
                entry.key.span,
                help=did_you_mean(key, ROUTE_KEYS, "keys"),
            )
    receiver, more = node.get("receiver"), node.get("continue")
    route = Route(
        node, node.span, [], parent, receiver.text if isinstance(receiver, Scalar) else parent.receiver if parent else "",
        isinstance(more, Scalar) and more.text.lower() == "true",
    )  # fmt: skip
    route.matchers, route.texts = _matchers(node, ("match", "match_re", "matchers"), report)
    for key, default in TIMES.items():
        value = node.get(key)
        inherited = parent.times[key] if parent else default
        try:
            route.times[key] = (
                parse_duration(value.text) if isinstance(value, Scalar) and not value.is_null else inherited
            )
        except ValueError:
            route.times[key] = inherited
            report.error("routes/invalid", "this is no duration", node.value_span(key), help="write 30s, 5m or 4h")
    route.children = [
        _route(child, route, report) for child in _items(node.get("routes")) if isinstance(child, Mapping)
    ]
    return route


def _matchers(node: Mapping, keys: tuple[str, str, str], report: Report) -> tuple[list[Matcher], list[Scalar]]:
    found: list[Matcher] = []
    texts: list[Scalar] = []
    for key, op in ((keys[0], "="), (keys[1], "=~")):
        block = node.get(key)
        for label, entry in block.entries.items() if isinstance(block, Mapping) else ():
            if isinstance(entry.value, Scalar):
                found += _checked(label, op, entry.value, report)
    block = node.get(keys[2])
    for item in _items(block) if isinstance(block, Sequence) else [block] if block is not None else []:
        if not isinstance(item, Scalar):
            report.error("routes/invalid", 'a matcher is a text such as `severity="critical"`', item.span)
            continue
        texts.append(item)
        for start, end in split(item.text):
            try:
                label, op, value = parse(item.text[start:end])
                found.append(Matcher(label, op, value, item.at(start + _lead(item.text[start:end]), end)))
            except MatcherError as error:
                report.error(
                    "routes/invalid",
                    f"{error}: Alertmanager refuses the file",
                    item.at(start + error.start, start + error.end),
                )
    return found, texts


def _lead(text: str) -> int:
    return len(text) - len(text.lstrip())


def _checked(label: str, op: str, value: Scalar, report: Report) -> list[Matcher]:
    from monitoring_kit.promql.re2 import RE2Error, analyse

    if op == "=~":
        try:
            analyse(value.text)
        except RE2Error as error:
            report.error(
                "routes/invalid", f"not a regular expression: {error.message}", value.at(error.start, error.end)
            )
            return []
    return [Matcher(label, op, value.text, value.span)]


def _inhibition(node: Mapping, texts: list[Scalar], report: Report) -> Inhibition:
    source, written = _matchers(node, ("source_match", "source_match_re", "source_matchers"), report)
    target, more = _matchers(node, ("target_match", "target_match_re", "target_matchers"), report)
    texts += [*written, *more]
    equal = [(item.text, item.span) for item in _items(node.get("equal")) if isinstance(item, Scalar)]
    return Inhibition(node.span, source, target, equal)


def _references(tree: Route, receivers: dict[str, Span], intervals: dict[str, Span], report: Report) -> None:
    if not tree.receiver:
        report.error("routes/invalid", "the root route needs a receiver: Alertmanager refuses the file", tree.span)
    if tree.matchers:
        report.error(
            "routes/invalid",
            "the root route must match every alert: Alertmanager refuses matchers there",
            tree.matchers[0].span,
        )
    for route in tree.walk():
        own = route.node.get("receiver")
        if isinstance(own, Scalar) and own.text and own.text not in receivers:
            report.error(
                "routes/invalid",
                f"there is no receiver `{own.text}`",
                own.span,
                help=did_you_mean(own.text, receivers, "receivers"),
            )
        for key in ("mute_time_intervals", "active_time_intervals"):
            for item in _items(route.node.get(key)):
                if isinstance(item, Scalar) and item.text not in intervals:
                    report.error(
                        "routes/invalid",
                        f"there is no time interval `{item.text}`",
                        item.span,
                        help=did_you_mean(item.text, intervals, "time intervals"),
                    )
