"""Random PromQL: a grammar-based generator, and mutations that mostly break what it makes.

Seeded with `random.Random`, because one process of promtool checks thousands of expressions at once and a
per-example strategy could not be batched.
"""

from __future__ import annotations

from random import Random

NAMES = [
    "up",
    "a",
    "foo:bar",
    "http_requests_total",
    "x_bucket",
    "sum",
    "by",
    "and",
    "offset",
    "start",
    "END",
    "limitk",
    "without",
    "le",
    ":",
    "_x",
]
LABELS = [
    "job",
    "instance",
    "le",
    "a",
    "on",
    "by",
    "sum",
    "group_left",
    "__name__",
    "bool",
    "start",
    "count",
    "_",
    "le2",
    "offset",
    "atan2",
    "without",
    "nan",
]
STRINGS = [
    '"v"', "'v'", "`v`", '""', '"a b"', '"\\n"', "'\\''", '"\\x41"', '"\\u00e9"', '"\\U0001F600"', '"\\101"', '"é"',
    '"\\\\d+"', "`\\d+`", "`a\nb`", '"\\""', '"#"', '"{}"',
]  # fmt: skip
BAD_STRINGS = ['"\\q"', '"\\x4"', '"\\ud800"', '"\\400"', '"a\nb"', "'\\\"'", '"\\8"', '"', "`", '"\\', '"\ufffd"']
REGEXES = [
    "a.*", ".+", ".*", "a|b", "", "5..", "(a|b)?", "[a-z]+", "\\\\d{3}", "a{2,3}", "(?i)x", "(?:x)", "^a$", "[^x]*",
    "\\\\pL", "[[:alpha:]]", "\\\\.", "a{0}", "(?P<n>x)", "x*?", "a{,3}", "\\\\Qa*b\\\\E", "[]a]", "[a-]", "\\\\x{10}",
    "()", "a||b", "{", "\\\\bx\\\\b", "\\\\z", "(?s).", "(?m:^x$)", "(?-i:x)", "x{1000}", "[\\\\d-z]", "\\\\07",
]  # fmt: skip
BAD_REGEXES = [
    "(", ")", "a**", "[", "[z-a]", "*", "a{1001}", "(?z)", "\\\\8", "(?=x)", "a{2,1}", "\\\\pX", "[[:foo:]]", "(?P<n", "+",
    "|*", "(?i", "\\\\C", "x{1000}{2}", "(x{100}){100}", "(?P<a b>x)", "\\\\x{110000}", "a{2}{3}", "\\\\", "\\\\p{Foo}",
    "(?--i)", "(?i-)", "^**", "[a", "\\\\1", "(?:", "a)",
]  # fmt: skip
NUMBERS = ["0", "1", "2.5", ".5", "1e3", "1E-3", "0x1F", "Inf", "NaN", "inf", "3.", "0755", "08", "1e+2", "1_000", "5m"]
BAD_NUMBERS = [
    "1e",
    "0x",
    "1.2.3",
    "1x",
    "5mm",
    "1e400",
    "0xFFFFFFFFFFFFFFFFFF",
    "1__0",
    "5h1d",
    "08m",
    "1.5m",
    "5ms3",
    "9z",
]
DURATIONS = ["5m", "1h30m", "1d", "90s", "1y", "2w", "500ms", "1h", "10s", "1y2w3d4h5m6s7ms", "300", "1_0", "0.5"]
BAD_DURATIONS = ["0s", "5", "m", "-5m", "1.5h", "5m5m", "300y", "", "1m1h", "5M", "+5m", "0", "99999999999999999999d"]
ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"]
COMPARISONS = ["==", "!=", ">", "<", ">=", "<="]
SETS = ["and", "or", "unless", "AND"]
VECTOR_FUNCTIONS = [
    "abs",
    "ceil",
    "ln",
    "sort",
    "timestamp",
    "absent",
    "sgn",
    "histogram_count",
    "hour",
    "minute",
    "sort_desc",
    "histogram_avg",
]
RANGE_FUNCTIONS = [
    "rate",
    "increase",
    "irate",
    "delta",
    "changes",
    "avg_over_time",
    "absent_over_time",
    "last_over_time",
    "resets",
    "idelta",
]
PLAIN_AGGREGATIONS = ["sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "SUM", "Count"]


class Generator:
    """Grows expressions of a wanted type; ``faults`` is the chance of a wrong piece at each leaf."""

    def __init__(self, random: Random, faults: float = 0.0) -> None:
        self.random, self.faults = random, faults

    def expression(self, depth: int = 4) -> str:
        kind = self.random.choices(["vector", "scalar", "matrix", "string"], [20, 4, 1, 1])[0]
        return self.typed(kind, depth)

    def typed(self, kind: str, depth: int) -> str:
        if self._faulty():
            kind = self.random.choice(["vector", "scalar", "matrix", "string"])
        text = {"vector": self.vector, "scalar": self.scalar, "matrix": self.matrix, "string": self.string}[kind](depth)
        return self.spaced(text)

    def spaced(self, text: str) -> str:
        chance = self.random.random()
        if chance < 0.03:
            return f"# note\n{text}"
        return f" {text}\n" if chance < 0.08 else text

    def _faulty(self) -> bool:
        return self.random.random() < self.faults

    def pick(self, good: list[str], bad: list[str]) -> str:
        return self.random.choice(bad if self._faulty() else good)

    def string(self, depth: int) -> str:
        return self.pick(STRINGS, BAD_STRINGS)

    def labels(self) -> str:
        names = [self.random.choice(LABELS) for _ in range(self.random.randint(0, 3))]
        if self.random.random() < 0.05:
            names.append(self.random.choice(['"job"', '"a.b"', "foo:bar", "''"]))
        tail = "," if names and self.random.random() < 0.1 else ""
        return f"({', '.join(names)}{tail})"

    def matcher(self) -> str:
        label = self.random.choice(LABELS)
        if self.random.random() < 0.04:
            label = self.random.choice(['"job"', '"a.b"'])
        op = self.random.choice(["=", "!=", "=~", "!~"])
        if op in ("=", "!="):
            return f"{label}{op}{self.string(0)}"
        return f'{label} {op} "{self.pick(REGEXES, BAD_REGEXES)}"'

    def selector(self) -> str:
        random = self.random
        matchers = [self.matcher() for _ in range(random.choices([0, 1, 2, 3], [4, 4, 2, 1])[0])]
        if random.random() < 0.03:
            matchers.insert(0, random.choice(['"up"', '"a.b"', '""']))
        if random.random() < 0.85:
            name = random.choice(NAMES)
            return f"{name}{{{','.join(matchers)}}}" if matchers or random.random() < 0.1 else name
        return f"{{{', '.join(matchers) or 'job=`x`'}{',' if matchers and random.random() < 0.2 else ''}}}"

    def modifiers(self) -> str:
        random = self.random
        parts = []
        if random.random() < 0.15:
            sign = random.choice(["", "", "-", "- ", "+"])
            parts.append(f"offset {sign}{self.pick(DURATIONS, BAD_DURATIONS)}")
        if random.random() < 0.08:
            parts.append(
                "@ " + random.choice(["start()", "end()", "1700000000", "-1.5", "start ( )", "5m", "Inf", "+3", "1e30"])
            )
        random.shuffle(parts)
        return "".join(" " + part for part in parts)

    def duration(self) -> str:
        return self.pick(DURATIONS, BAD_DURATIONS)

    def matrix(self, depth: int) -> str:
        if depth > 1 and self.random.random() < 0.3:
            inner = self.typed("vector", depth - 1)
            if self.random.random() < 0.7:
                inner = f"({inner})"
            step = self.duration() if self.random.random() < 0.6 else ""
            return f"{inner}[{self.duration()}:{step}]{self.modifiers()}"
        return f"{self.selector()}[{self.duration()}]{self.modifiers()}"

    def scalar(self, depth: int) -> str:
        roll = self.random.random()
        if depth <= 1 or roll < 0.6:
            return self.pick(NUMBERS, BAD_NUMBERS)
        if roll < 0.7:
            return f"scalar({self.typed('vector', depth - 1)})"
        if roll < 0.75:
            return self.random.choice(["time()", "pi()"])
        if roll < 0.85:
            return f"-{self.typed('scalar', depth - 1)}"
        if roll < 0.93:
            op = self.random.choice([*ARITHMETIC, "> bool", "== bool"])
            return f"{self.typed('scalar', depth - 1)} {op} {self.typed('scalar', depth - 1)}"
        return f"({self.typed('scalar', depth - 1)})"

    def vector(self, depth: int) -> str:
        if depth <= 1:
            return self.selector() + self.modifiers()
        makers = [self.leaf, self.binary, self.aggregate, self.function, self.paren, self.sign, self.special]
        return self.random.choices(makers, [4, 6, 5, 5, 2, 1, 2])[0](depth - 1)

    def leaf(self, depth: int) -> str:
        return self.selector() + self.modifiers()

    def paren(self, depth: int) -> str:
        return f"({self.typed('vector', depth)})"

    def sign(self, depth: int) -> str:
        return self.random.choice(["-", "+", "- "]) + self.typed("vector", depth)

    def matching(self) -> str:
        random = self.random
        if random.random() < 0.6:
            return ""
        text = f" {random.choice(['on', 'ignoring', 'ON'])} {self.labels()}"
        if random.random() < 0.4:
            text += f" {random.choice(['group_left', 'group_right'])}{random.choice(['', ' ' + self.labels()])}"
        return text + " "

    def binary(self, depth: int) -> str:
        random = self.random
        op = random.choice([*ARITHMETIC, *COMPARISONS, *SETS])
        modifier = random.choice(["", " bool"]) if op in COMPARISONS or self._faulty() else ""
        sides = ["vector", "vector"]
        if op.lower() not in SETS and random.random() < 0.4:
            sides[random.randrange(2)] = "scalar"
        matching = self.matching() if "scalar" not in sides or self._faulty() else ""
        return f"{self.typed(sides[0], depth)} {op}{modifier}{matching} {self.typed(sides[1], depth)}"

    def aggregate(self, depth: int) -> str:
        random = self.random
        op, param = random.choice(PLAIN_AGGREGATIONS), ""
        if random.random() < 0.2:
            op = random.choice(["topk", "quantile", "bottomk", "limitk", "limit_ratio"])
            param = self.typed("scalar", 1) + ", "
        elif random.random() < 0.05:
            op, param = "count_values", self.typed("string", 1) + ", "
        if self._faulty():
            param = random.choice(["", "1, 2, ", ","])
        clause = f" {random.choice(['by', 'without', 'BY'])} {self.labels()} " if random.random() < 0.6 else ""
        body = f"({param}{self.typed('vector', depth)})"
        return f"{op}{clause}{body}" if random.random() < 0.5 else f"{op}{body}{clause}"

    def function(self, depth: int) -> str:
        if self.random.random() < 0.6:
            return f"{self.random.choice(RANGE_FUNCTIONS)}({self.typed('matrix', depth)})"
        return f"{self.random.choice(VECTOR_FUNCTIONS)}({self.typed('vector', depth)})"

    def special(self, depth: int) -> str:
        vector = self.typed("vector", depth)
        return self.random.choice(
            [
                f"histogram_quantile({self.typed('scalar', 1)}, {vector})",
                f"label_replace({vector}, 'a', '$1', 'b', '(.*)')",
                f"label_join({vector}, 'a', '-'{self.random.choice(['', ', `b`', ', `b`, `c`'])})",
                f"clamp_max({vector}, {self.typed('scalar', 1)})",
                f"round({vector}{self.random.choice(['', ', 5', ', 5, 6'])})",
                f"vector({self.typed('scalar', 1)})",
                f"predict_linear({self.typed('matrix', depth)}, {self.typed('scalar', 1)})",
                f"quantile_over_time({self.typed('scalar', 1)}, {self.typed('matrix', depth)})",
                f"{self.random.choice(['hour', 'year', 'time', 'pi', 'day_of_week'])}({self.random.choice(['', vector])})",
                f"holt_winters({self.typed('matrix', depth)}, 0.5, 0.5)",
                f"mad_over_time({self.typed('matrix', depth)})",
                f"info({vector}{self.random.choice(['', ', {}', ', {a=`b`}', ', up'])})",
                f"{self.random.choice(['RATE', 'nope', 'foo:bar', 'Sum', 'bool', 'on'])}({vector})",
            ]
        )


_FRAGMENTS = [
    "(", ")", "{", "}", "[", "]", ",", "=", "!", "~", "=~", "+", "-", "^", "@", "by", "on", "bool", "offset", "5m", "1", " ",
    "'", '"', "#", "\n", ":", ".", "a", "sum", "and", "start()", "é", "$", "\\", "0x", "e", "_", ";", "[5m]", "{}", "()",
    "group_left", "inf", "[5m:]", "<", "==",
]  # fmt: skip


def mutate(random: Random, text: str) -> str:
    """``text`` with one to three random edits."""
    for _ in range(random.choices([1, 2, 3], [6, 2, 1])[0]):
        start = random.randint(0, len(text))
        end = min(len(text), start + random.choice([0, 1, 1, 1, 2, 3, 8]))
        inserted = random.choice(["", "", random.choice(_FRAGMENTS), text[start:end] * 2, random.choice(_FRAGMENTS)])
        text = text[:start] + inserted + text[end:]
    return text


def expressions(seed: int, count: int) -> list[str]:
    """A mix of valid, slightly wrong and mutated expressions, without duplicates or empty ones."""
    random = Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        roll = random.random()
        generator = Generator(random, 0.0 if roll < 0.45 else 0.08)
        text = generator.expression(random.randint(1, 5))
        if roll > 0.7:
            text = mutate(random, text)
        if text.strip():
            found[text] = None
    return list(found)
