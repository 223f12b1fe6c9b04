"""Grafana's own typed model reads every dashboard and gives back every key: none is misspelt or misplaced, at any depth."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.lower.dashboard_help import Built, data_panels


def round_trip(board: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from grafana_foundation_sdk.cog import plugins
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
        from grafana_foundation_sdk.models.dashboard import Dashboard

        plugins.register_default_plugins()
        return json.loads(JSONEncoder().encode(Dashboard.from_json(copy.deepcopy(board))))


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Paths of what ``after`` lacks or says otherwise."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from lost(value, after[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from lost(*pair, f"{path}/{index}")
    elif before != after:
        yield path


def test_no_key_is_lost(built: Built) -> None:
    for name, board in built.boards.items():
        assert list(lost(board, round_trip(board))) == [], name


def typo_at_the_top(board: dict[str, Any]) -> None:
    board["refesh"] = board.pop("refresh")


def typo_in_a_target(board: dict[str, Any]) -> None:
    target = next(data_panels(board))["targets"][0]
    target["exprr"] = target.pop("expr")


def typo_in_field_config(board: dict[str, Any]) -> None:
    defaults = next(data_panels(board))["fieldConfig"]["defaults"]
    defaults["unti"] = defaults.pop("unit")


def typo_in_options(board: dict[str, Any]) -> None:
    options = next(p for p in data_panels(board) if p["type"] == "timeseries")["options"]
    options["legned"] = options.pop("legend")


@pytest.mark.parametrize("typo", [typo_at_the_top, typo_in_a_target, typo_in_field_config, typo_in_options])
def test_the_oracle_finds_a_planted_typo(example: Built, typo: Any) -> None:
    board = copy.deepcopy(example.boards["service-becamera"])
    typo(board)
    assert len(list(lost(board, round_trip(board)))) >= 1
