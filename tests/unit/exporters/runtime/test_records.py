"""Records behave as the standard library's dataclasses of the same source do, and a start loads neither those nor inspect."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import records

SOURCE = '''
class Point:
    """Where."""

    x: int
    y: int = 2
    tags: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="s", repr=False)

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x")

    @property
    def total(self) -> int:
        return self.x + self.y
'''
CHILD = "class Child(Point):\n    z: int = 3\n    y: int = 9\n"
OPTIONS: list[dict[str, bool]] = [
    {},
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"slots": True},
    {"frozen": True, "slots": True, "order": True},
    {"frozen": True, "repr": False},
]


def made(maker: Any, options: dict[str, bool]) -> tuple[type[Any], type[Any]]:
    """Point and Child, decorated by ``maker``'s dataclass; importable, so that they pickle."""
    module = ModuleType(f"records_of_{maker.__name__.rpartition('.')[2]}")
    sys.modules[module.__name__] = module
    space = vars(module)
    space.update(Mapping=Mapping, field=maker.field, dataclass=maker.dataclass)
    given = ", ".join(f"{name}={value}" for name, value in options.items())
    exec(f"from __future__ import annotations\n@dataclass({given})\n{SOURCE.strip()}\n", space)
    exec(f"from __future__ import annotations\n@dataclass({given})\n{CHILD}", space)
    return space["Point"], space["Child"]


def outcome(work: Callable[[], Any]) -> Any:
    """What a call returns, or the type of what it raises."""
    try:
        found = work()
    except Exception as error:
        return type(error)
    return found


def shown(value: Any) -> str:
    """Its repr, without the module and the address that object's has."""
    return repr(value).partition(" object at ")[0].replace(type(value).__module__, "")


# The standard library's frozen classes with slots raise TypeError there, by a super() of the class before it had slots.
BROKEN = ("assign another", "a plain subclass may have more")
SAME: dict[str, Callable[[type[Any], type[Any]], Any]] = {
    "positional": lambda p, c: (p(1, 5, {"a": "b"}).tags, c(1, 5).z, c(1).y),
    "by name": lambda p, c: (p(y=1, x=0).total, c(x=1, z=7, y=0).z),
    "no x": lambda p, c: p(),
    "too many": lambda p, c: p(1, 2, {}, "s", 5),
    "unknown": lambda p, c: p(1, q=2),
    "checked": lambda p, c: p(-1),
    "a default of its own": lambda p, c: (p(1).tags is p(1).tags, p(1).tags),
    "equality": lambda p, c: (p(1) == p(1), p(1) == p(2), p(1) == c(1), p(1) != p(1), p(1) == 1),
    "hash": lambda p, c: hash(p(1, 2, ())) == hash((1, 2, (), "s")),
    "hashable": lambda p, c: p.__hash__ is None,
    "repr": lambda p, c: shown(p(1)),
    "repr of the child": lambda p, c: shown(c(1)),
    "order": lambda p, c: (p(1) < p(2), p(1) <= p(1), p(3) > p(2), p(1) >= p(2), sorted([p(2), p(1)])[0].x),
    "order among types": lambda p, c: p(1) < c(2),
    "assign": lambda p, c: setattr(p(1), "x", 3),
    "assign another": lambda p, c: setattr(p(1), "other", 3),
    "delete": lambda p, c: delattr(p(1), "x"),
    "a plain subclass may have more": lambda p, c: setattr(type("More", (p,), {})(1), "other", 3),
    "not what is frozen": lambda p, c: setattr(type("More", (p,), {})(1), "x", 3),
    "dict": lambda p, c: hasattr(p(1), "__dict__"),
    "slots": lambda p, c: (getattr(p, "__slots__", None), getattr(c, "__slots__", None)),
    "match": lambda p, c: (p.__match_args__, c.__match_args__),
    "pickle": lambda p, c: (pickle.loads(pickle.dumps(p(1, 7))).y, copy.copy(c(1, z=4)).z, copy.deepcopy(p(1)).tags),
    "stdlib replace": lambda p, c: dataclasses.replace(c(1), y=4).y,
    "stdlib asdict": lambda p, c: dataclasses.asdict(c(1)),
    "stdlib fields": lambda p, c: [(f.name, f.repr, f.type) for f in dataclasses.fields(c)],
    "stdlib is_dataclass": lambda p, c: (dataclasses.is_dataclass(p), dataclasses.is_dataclass(c(1))),
    "stdlib subclass": lambda p, c: dataclasses.dataclass(frozen=p(1).__dataclass_params__.frozen)(type("D", (p,), {}))(1).y,
    "names": lambda p, c: (p.__doc__, p.__qualname__, p.__init__.__qualname__ if p(1) else "", p.__name__),
}  # fmt: skip


@pytest.mark.parametrize("what", SAME)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_record_behaves_as_a_dataclass(options: dict[str, bool], what: str) -> None:
    ours, theirs = made(records, options), made(dataclasses, options)
    if what in BROKEN and options.get("slots") and options.get("frozen"):
        expected = outcome(lambda: SAME[what](*made(dataclasses, {**options, "slots": False})))
    else:
        expected = outcome(lambda: SAME[what](*theirs))
    assert outcome(lambda: SAME[what](*ours)) == expected


def test_replace_keeps_the_rest_and_checks_again() -> None:
    point, child = made(records, {"frozen": True, "slots": True})
    assert records.replace(child(1, z=5), y=7) == child(1, 7, z=5)
    with pytest.raises(ValueError, match="x"):
        records.replace(point(1), x=-1)
    with pytest.raises(TypeError):
        records.replace(point(1), q=1)


@pytest.mark.parametrize("package", ["runtime.program", "business.main", "ai.main"])
def test_no_exporter_loads_dataclasses_at_its_start(package: str) -> None:
    """They and inspect, which they import, were a fifth of the processor time of a start."""
    code = f"import sys, monitoring_kit.exporters.{package}; print(*sys.modules)"
    # Measured for coverage, the process would load what coverage needs.
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=bare)
    loaded = done.stdout.split()
    assert f"monitoring_kit.exporters.{package}" in loaded
    assert not {"dataclasses", "inspect"} & set(loaded)
