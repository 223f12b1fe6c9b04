"""Inference: the type, unit, labels and bounds of every node of an expression.

>>> facts = infer(parse("sum by (job) (up)"), World())
>>> facts[expr][0].why_not("instance").text
'aggregated away here'
"""

from __future__ import annotations

from monitoring_kit.promql import ast
from monitoring_kit.promql.infer.aggregates import aggregate
from monitoring_kit.promql.infer.binaries import Join, binary
from monitoring_kit.promql.infer.calls import call
from monitoring_kit.promql.infer.selectors import selector
from monitoring_kit.promql.infer.source import Fact, Source, Value, Why
from monitoring_kit.promql.world import World

__all__ = ["Fact", "Inference", "Join", "Source", "Value", "Why", "infer"]

# Branches kept of one value: beyond that nothing is said of the rest.
MAX_BRANCHES = 12


class Inference:
    """The facts of one expression: ``facts[node]`` is the value of that node (by identity), ``facts.joins`` what each
    binary operation between two vectors can match."""

    __slots__ = ("_values", "joins", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self._values: dict[int, Value] = {}
        self.joins: dict[int, Join] = {}

    def __getitem__(self, node: ast.Expr) -> Value:
        return self._values[id(node)]

    def visit(self, node: ast.Expr) -> Value:
        """Infer ``node`` and everything below it."""
        value = self._infer(node)
        if len(value) > MAX_BRANCHES:
            value = (Source(node),)
        self._values[id(node)] = value
        return value

    def _infer(self, node: ast.Expr) -> Value:
        kind = type(node)
        if kind is ast.VectorSelector:
            return (selector(node, self.world),)  # type: ignore[arg-type]
        if kind is ast.MatrixSelector:
            return self.visit(node.vector)  # type: ignore[union-attr]
        if kind is ast.Number:
            number: float = node.value  # type: ignore[union-attr,assignment]
            return (Source(node, rest=_SCALAR, low=number, high=number, const=True, scalar=True, always=True),)
        if kind is ast.Paren or kind is ast.Subquery:
            return self.visit(node.expr)  # type: ignore[union-attr]
        if kind is ast.Call:
            args = [self.visit(arg) for arg in node.args]  # type: ignore[union-attr]
            return call(node, args, self.world)  # type: ignore[arg-type]
        if kind is ast.Aggregate:
            param = node.param  # type: ignore[union-attr]
            if param is not None:
                self.visit(param)
            return aggregate(node, self.visit(node.expr))  # type: ignore[arg-type,union-attr]
        if kind is ast.Binary:
            left, right = self.visit(node.lhs), self.visit(node.rhs)  # type: ignore[union-attr]
            value, join = binary(node, left, right)  # type: ignore[arg-type]
            if join is not None:
                self.joins[id(node)] = join
            return value
        if kind is ast.Unary:
            return tuple(self._negated(node, source) for source in self.visit(node.expr))  # type: ignore[arg-type,union-attr]
        return (Source(node, rest=_SCALAR, scalar=True, always=True),)

    @staticmethod
    def _negated(node: ast.Unary, source: Source) -> Source:
        found = source.copy(node)
        if node.op == "-":
            found.number(-source.high, -source.low, source.unit)
        return found


_SCALAR = Why((0, 0), "a number has no labels")


def infer(expr: ast.Expr, world: World) -> Inference:
    """All facts of ``expr`` in ``world``."""
    found = Inference(world)
    found.visit(expr)
    return found
