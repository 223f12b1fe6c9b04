"""Dataclasses that an exporter's start does not wait for.

``dataclasses`` imports ``inspect`` with ``ast``, ``dis`` and ``tokenize``, and compiles up to ten methods for every class: a
fifth of the processor time of a start. To the type checker ``dataclass``, ``field`` and ``replace`` from here are the standard
library's. When the program runs they behave alike (frozen, slots, order, equality, hash, repr, ``__post_init__``, inheritance,
pickling, and for others ``dataclasses.fields``, ``asdict`` and ``replace``), but all classes share their methods; only
``__init__`` is compiled, at a class's first instance.
"""

from __future__ import annotations

from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    _MISSING = object()
    _put = object.__setattr__

    class _Field:
        __slots__ = ("default", "factory", "repr", "type")

        def __init__(self, default: Any, factory: Any, shown: bool) -> None:
            self.default, self.factory, self.repr = default, factory, shown
            self.type: Any = Any

    def field(*, default: Any = _MISSING, default_factory: Any = _MISSING, repr: bool = True) -> Any:
        """``dataclasses.field`` with these options."""
        return _Field(default, default_factory, repr)

    def replace(record: Any, /, **changes: Any) -> Any:
        """``dataclasses.replace``."""
        return type(record)(**{**dict(zip(record.__record__, _values(record), strict=True)), **changes})

    def dataclass(
        cls: Any = None,
        /,
        *,
        frozen: bool = False,
        slots: bool = False,
        order: bool = False,
        repr: bool = True,
    ) -> Any:
        """``dataclasses.dataclass`` with these options."""

        def made(cls: type) -> type:
            own = _own_fields(cls)
            fields = {name: value for base in reversed(cls.__mro__) for name, value in _fields_of(base).items()}
            fields.update(own)
            space = {
                "__record__": fields, "__match_args__": tuple(fields), "__init__": _first_init(fields, frozen), "__eq__": _eq,
                "__hash__": _hash if frozen else None, **_TWINS,
            }  # fmt: skip
            if repr:
                space["__repr__"] = _repr
            if order:
                space.update(__lt__=_order(lt), __le__=_order(le), __gt__=_order(gt), __ge__=_order(ge))
            if frozen:
                space.update(__setattr__=_refuse, __delattr__=_refuse)
            if frozen and slots:
                space.update(__getstate__=_values, __setstate__=_restore)
            return _finished(cls, own, {name: value for name, value in space.items() if name not in vars(cls)}, slots)

        return made if cls is None else made(cls)

    def _fields_of(cls: type) -> dict[str, _Field]:
        return vars(cls).get("__record__", {})

    def _own_fields(cls: type) -> dict[str, _Field]:
        found = {}
        for name, kind in vars(cls).get("__annotations__", {}).items():
            given = vars(cls).get(name, _MISSING)
            found[name] = given if isinstance(given, _Field) else _Field(given, _MISSING, True)
            found[name].type = kind
        return found

    def _finished(cls: type, own: dict[str, _Field], space: dict[str, Any], slots: bool) -> type:
        """The class with its methods; with slots a new one, because slots are laid out when a class is made."""
        if not slots:
            for name, value in own.items():
                if value.default is not _MISSING:
                    space[name] = value.default
                elif name in vars(cls):
                    delattr(cls, name)
            for name, value in space.items():
                setattr(cls, name, value)
            return cls
        inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
        kept = {name: value for name, value in vars(cls).items() if name not in own}
        kept.pop("__dict__", None)
        kept.pop("__weakref__", None)
        space["__slots__"] = tuple(name for name in own if name not in inherited)
        made = type(cls)(cls.__name__, cls.__bases__, {**kept, **space})
        made.__qualname__ = cls.__qualname__
        return made

    def _first_init(fields: dict[str, _Field], frozen: bool) -> Any:
        """An ``__init__`` that replaces itself at the first call."""

        def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
            owner = next(cls for cls in type(self).__mro__ if _fields_of(cls) is fields)
            compiled = _compiled_init(owner, fields, frozen)
            if owner.__init__ is __init__:
                owner.__init__ = compiled
            compiled(self, *args, **kwargs)

        return __init__

    def _compiled_init(owner: type, fields: dict[str, _Field], frozen: bool) -> Any:
        scope: dict[str, Any] = {"_put": _put, "_MISSING": _MISSING}
        params, body = ["self"], []
        for name, value in fields.items():
            stored = name
            if value.factory is not _MISSING:
                scope[f"_new_{name}"] = value.factory
                stored = f"_new_{name}() if {name} is _MISSING else {name}"
                params.append(f"{name}=_MISSING")
            elif value.default is not _MISSING:
                scope[f"_default_{name}"] = value.default
                params.append(f"{name}=_default_{name}")
            else:
                params.append(name)
            body.append(f"_put(self, {name!r}, {stored})" if frozen else f"self.{name} = {stored}")
        if hasattr(owner, "__post_init__"):
            body.append("self.__post_init__()")
        # Names of fields only, which are identifiers of our own source; the standard library does the same.
        exec(f"def __init__({', '.join(params)}):\n " + "\n ".join(body or ["pass"]), scope)  # noqa: S102
        init = scope["__init__"]
        init.__qualname__, init.__module__ = f"{owner.__qualname__}.__init__", owner.__module__
        return init

    def _values(self: Any) -> list[Any]:
        return [getattr(self, name) for name in self.__record__]

    def _eq(self: Any, other: Any) -> Any:
        return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented

    def _hash(self: Any) -> int:
        return hash(tuple(_values(self)))

    def _repr(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name, value in self.__record__.items() if value.repr)
        return f"{type(self).__qualname__}({shown})"

    def _order(compare: Any) -> Any:
        def ordered(self: Any, other: Any) -> Any:
            if other.__class__ is not self.__class__:
                return NotImplemented
            return compare(_values(self), _values(other))

        return ordered

    def _refuse(self: Any, name: str, *value: Any) -> None:
        if name in self.__record__ or _fields_of(type(self)):
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")
        (object.__setattr__ if value else object.__delattr__)(self, name, *value)

    def _restore(self: Any, values: list[Any]) -> None:
        for name, value in zip(self.__record__, values, strict=True):
            _put(self, name, value)

    class _Twin:
        """What ``dataclasses`` reads of a class, taken from a real dataclass of the same fields when someone asks."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __get__(self, record: Any, owner: type) -> Any:
            import dataclasses

            rows = []
            for name, value in owner.__record__.items():
                options = {"default": value.default, "default_factory": value.factory}
                given = {key: option for key, option in options.items() if option is not _MISSING}
                rows.append((name, value.type, dataclasses.field(repr=value.repr, **given)))
            twin = dataclasses.make_dataclass(owner.__name__, rows, frozen=owner.__setattr__ is _refuse)
            return getattr(twin, self._name)

    _TWINS = {name: _Twin(name) for name in ("__dataclass_fields__", "__dataclass_params__")}
