"""Did-you-mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, ignoring case first; None when nothing is near enough."""
    names = list(known)
    folded = {n.lower(): n for n in names}
    if word.lower() in folded:
        return folded[word.lower()]
    near = difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def is_typo(name: str, of: str) -> bool:
    """Whether ``name`` reads like ``of`` mistyped: the same number of words, each pair of them nearly the same.

    >>> is_typo("http_request_total", "http_requests_total"), is_typo("node_md_disks", "node_md_state")
    (True, False)
    """
    words, others = name.lower().split("_"), of.lower().split("_")
    return len(words) == len(others) and all(
        difflib.SequenceMatcher(None, word, other).ratio() >= 0.75 for word, other in zip(words, others, strict=True)
    )


def did_you_mean(word: str, known: Iterable[str], what: str = "known") -> str:
    """A help line: the closest known word, or the list of them (at most twelve)."""
    names = sorted(set(known))
    near = closest(word, names)
    if near:
        return f"did you mean `{near}`?"
    if not names:
        return f"none are {what}"
    shown = ", ".join(f"`{n}`" for n in names[:12])
    return f"{what}: {shown}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")
