from __future__ import annotations

import pytest

from monitoring_kit.targets import Feature, describe, parse_version, since, supported, unsupported, until


@pytest.mark.parametrize("text", ["2.42", "v2.42.0", "2.42.0+ds", "2.42.1-rc.1", " 2.42 "])
def test_versions_are_read(text: str) -> None:
    assert parse_version(text) == (2, 42)


@pytest.mark.parametrize("text", ["", "2", "two.three", "2.42 or so", "2.x", "99999.1"])
def test_other_text_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        parse_version(text)


@pytest.mark.parametrize(
    ("feature", "version", "has"),
    [
        (Feature.RULE_GROUP_LABELS, "2.55", False),
        (Feature.RULE_GROUP_LABELS, "3.0", True),
        (Feature.FUNC_HOLT_WINTERS, "2.55.1", True),
        (Feature.FUNC_HOLT_WINTERS, "3.0.0", False),
        (Feature.SCRAPE_CLASSIC_HISTOGRAMS, "2.42", False),
        (Feature.SCRAPE_CLASSIC_HISTOGRAMS, "2.53", True),
        (Feature.SCRAPE_CLASSIC_HISTOGRAMS, "3.0", False),
        (Feature.AGG_LIMITK, "3.5", False),
        (Feature.DURATION_ARITHMETIC, "3.14", True),
    ],
)
def test_support_by_version(feature: Feature, version: str, has: bool) -> None:
    assert supported(feature, {"prometheus": version}) is has


def test_flags_products_and_several_versions() -> None:
    flag = ["promql-experimental-functions"]
    assert supported(Feature.AGG_LIMITK, {"prometheus": "3.5"}, flag)
    assert not supported(Feature.AGG_LIMITK, {"prometheus": "2.53"}, flag)
    assert supported(Feature.AM_MSTEAMS, {"prometheus": "2.42"}), "Alertmanager is no target"
    assert not supported(Feature.AM_MSTEAMS, {"alertmanager": ["0.27", "0.25"]})
    assert unsupported([Feature.AM_MSTEAMS, Feature.AM_JIRA, Feature.AM_MSTEAMS], {"alertmanager": "0.25.0"}) == [
        Feature.AM_MSTEAMS,
        Feature.AM_JIRA,
    ]


def test_rows_are_consistent() -> None:
    assert len({feature.value.what for feature in Feature}) == len(Feature.__members__), "no aliases"
    for feature in Feature:
        row = feature.value
        assert row.since or row.until
        for text in filter(None, (row.since, row.until, row.stable)):
            parse_version(text)
        if row.since and row.until:
            assert parse_version(row.since) < parse_version(row.until)
        assert (since(feature), until(feature)) == (row.since, row.until)


def test_descriptions() -> None:
    assert describe(Feature.RULE_GROUP_LABELS) == "labels of a rule group needs Prometheus 3.0 or newer"
    assert describe(Feature.FUNC_HOLT_WINTERS) == "holt_winters() needs Prometheus before 3.0"
    assert describe(Feature.AGG_LIMITK).endswith("or newer with --enable-feature=promql-experimental-functions")
