"""``mkit exporter baseline``: capture the reference against which drift is measured."""

from __future__ import annotations

import csv
import json
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..runtime import Request, Response
from ..runtime.flags import Formatter
from .drift import Drift
from .reference import Baseline, Reference, make_reference, parse_baseline

MAX_ANSWER = 4 << 20


class BaselineHandler:
    """``GET /v1/baseline``: a baseline of everything observed since the exporter started. 409 when it is too little."""

    def __init__(self, drift: Drift, model: tuple[str, str]) -> None:
        self._drift = drift
        self._model = model

    def __call__(self, request: Request) -> Response:
        features: dict[str, Reference] = {}
        for feature, values in self._drift.samples().items():
            try:
                features[feature] = make_reference(values)
            except ValueError as error:
                return Response(409, f"{feature}: {error}\n".encode())
        text = Baseline(*self._model, features).dump()
        return Response(200, text.encode(), "application/json")


EXAMPLES = """examples:
  mkit exporter baseline --from http://127.0.0.1:9642 -o baseline.json     what a running exporter saw since its start
  mkit exporter baseline --values confidences.txt --model detector --model-version 3 -o baseline.json
  mkit exporter baseline --values frames.csv --column brightness --feature brightness > baseline.json
"""


def _arguments(argv: Sequence[str]) -> Namespace:
    parser = ArgumentParser(
        prog="mkit exporter baseline", description=__doc__, epilog=EXAMPLES, formatter_class=Formatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from", dest="url", metavar="URL", help="a running AI exporter, e.g. http://127.0.0.1:9642")
    source.add_argument("--values", metavar="FILE", help="numbers, one a line, or CSV with --column; - is stdin")
    parser.add_argument("--column", help="the CSV column that holds the feature")
    parser.add_argument("--feature", default="confidence", help="the feature's name with --values (%(default)s)")
    parser.add_argument("--model", default="model", help="the model's name with --values")
    parser.add_argument("--model-version", default="unknown", help="the model's version with --values")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write the baseline (stdout)")
    return parser.parse_args(list(argv))


def run_baseline(argv: Sequence[str]) -> int:
    """Write a baseline and return the exit code."""
    args = _arguments(argv)
    try:
        baseline = _fetch(args.url) if args.url else _read(args)
        if args.output:
            Path(args.output).write_text(baseline.dump(), encoding="utf-8")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"mkit exporter baseline: {error}\n")
        return 1
    if not args.output:
        sys.stdout.write(baseline.dump())
    for feature, ref in baseline.features.items():
        sys.stderr.write(f"{feature}: {ref.size} values, {len(ref.fractions)} bins\n")
    return 0


def _fetch(url: str) -> Baseline:
    if not url.startswith(("http://", "https://")):
        raise ValueError("--from must be an http or https URL")
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/v1/baseline", timeout=10) as answer:  # noqa: S310 - http(s) only
            body = answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        said = error.read(500).decode("utf-8", "replace").strip()
        raise ValueError(f"{url} answered {error.code}: {said}") from None
    try:
        return parse_baseline(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{url} answered with no baseline of mkit ({error})") from None


def _read(args: Namespace) -> Baseline:
    name = "stdin" if args.values == "-" else args.values
    with sys.stdin if args.values == "-" else open(args.values, encoding="utf-8", newline="") as file:
        cells = _column(name, args.column, file) if args.column else enumerate(file, 1)
        values = [_number(name, line, text) for line, text in cells if text.strip()]
    return Baseline(args.model, args.model_version, {args.feature: make_reference(values)})


def _column(name: str, column: str, file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """(line, cell) of a CSV file's column; a row that ends before it has none."""
    rows = csv.DictReader(file)
    try:
        if column not in (rows.fieldnames or ()):
            has = f"its columns: {', '.join(rows.fieldnames)}" if rows.fieldnames else "it is empty"
            raise ValueError(f"{name}: no column {column!r} ({has})")
        for row in rows:
            yield rows.line_num, row[column] or ""
    except csv.Error as error:
        raise ValueError(f"{name}:{rows.reader.line_num}: {error}") from None


def _number(name: str, line: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name}:{line}: {text.strip()[:60]!r} is not a number") from None
