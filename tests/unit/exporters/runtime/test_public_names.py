"""The runtime's public names: the type checker's imports, ``__all__`` and what is loaded on first use agree."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest
from monitoring_kit.exporters import runtime


def imported_for_the_type_checker() -> dict[str, str]:
    """Name to module, as the package's source imports them."""
    tree = ast.parse(Path(runtime.__file__).read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: node.module or "" for node in imports for alias in node.names}


def test_the_three_lists_agree() -> None:
    assert imported_for_the_type_checker() == runtime._HOMES
    assert sorted(runtime._HOMES) == sorted(runtime.__all__)


@pytest.mark.parametrize("name", runtime.__all__)
def test_a_public_name_is_what_its_module_defines(name: str) -> None:
    value = getattr(runtime, name)
    assert value is getattr(import_module(f"{runtime.__name__}.{runtime._HOMES[name]}"), name)
    assert value.__name__ == name


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = runtime.Nothing
