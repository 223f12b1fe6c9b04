"""Quality of a set of predictions whose truth is known. Formulas as in design: ratios from counts, no averages of averages."""

from __future__ import annotations

from collections.abc import Mapping

from ..runtime.records import dataclass


@dataclass(frozen=True, slots=True)
class CountSums:
    """Sums over windows: how many, what was counted, what was true, too many and too few."""

    windows: int
    counted: float
    truth: float
    over: float
    under: float


def count_scores(sums: CountSums) -> dict[str, float]:
    """Scores of counting. A score whose denominator is 0 is absent.

    MAE = (over + under) / windows; WAPE = (over + under) / truth; bias = (over - under) / truth; precision =
    (counted - over) / counted; recall = (truth - under) / truth; accuracy = 1 - WAPE, not below 0.
    """
    out: dict[str, float] = {}
    wrong = sums.over + sums.under
    if sums.windows:
        out["mae"] = wrong / sums.windows
    if sums.truth:
        out["wape"] = wrong / sums.truth
        out["bias"] = (sums.over - sums.under) / sums.truth
        out["accuracy"] = max(0.0, 1 - wrong / sums.truth)
        out["recall"] = (sums.truth - sums.under) / sums.truth
    if sums.counted:
        out["precision"] = (sums.counted - sums.over) / sums.counted
    return _with_f1(out)


def class_scores(pairs: Mapping[tuple[str, str], int]) -> dict[str, float]:
    """Scores of classification from (predicted, true) -> how often; precision, recall and F1 are macro averages.

    The average is over classes that were predicted (precision), true (recall) or either (F1: 2TP / (2TP + FP + FN)).
    """
    total = sum(pairs.values())
    if not total:
        return {}
    predicted: dict[str, int] = {}
    true: dict[str, int] = {}
    right: dict[str, int] = {}
    for (pred, truth), count in pairs.items():
        predicted[pred] = predicted.get(pred, 0) + count
        true[truth] = true.get(truth, 0) + count
        if pred == truth:
            right[pred] = right.get(pred, 0) + count
    either = set(predicted) | set(true)
    f1 = [2 * right.get(c, 0) / (predicted.get(c, 0) + true.get(c, 0)) for c in either]
    return {
        "accuracy": sum(right.values()) / total,
        "precision": sum(right.get(c, 0) / n for c, n in predicted.items()) / len(predicted),
        "recall": sum(right.get(c, 0) / n for c, n in true.items()) / len(true),
        "f1": sum(f1) / len(f1),
    }


def _with_f1(out: dict[str, float]) -> dict[str, float]:
    precision, recall = out.get("precision"), out.get("recall")
    if precision is not None and recall is not None and precision + recall > 0:
        out["f1"] = 2 * precision * recall / (precision + recall)
    return out
