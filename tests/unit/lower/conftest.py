"""Specs whose dashboards several test modules look at."""

from __future__ import annotations

import pytest

from tests.unit.lower.dashboard_help import ALL_KINDS, EXAMPLE, Built, build


@pytest.fixture(scope="session")
def example() -> Built:
    """The shipped example."""
    return build(EXAMPLE)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A service of every kind, and every panel type."""
    path = tmp_path_factory.mktemp("all") / "mkit.yaml"
    path.write_text(ALL_KINDS)
    return build(path)


@pytest.fixture(params=["example", "everything"])
def built(request: pytest.FixtureRequest) -> Built:
    """Either of them."""
    found: Built = request.getfixturevalue(request.param)
    return found
