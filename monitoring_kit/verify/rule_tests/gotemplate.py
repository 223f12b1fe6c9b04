"""Prometheus' templates as annotations use them: ``$labels``, ``$value`` and the formatting functions.

After ``template/template.go`` and the template reference of Prometheus' documentation; ``%.4g`` is Go's and C's alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from monitoring_kit.verify.rule_tests.functions import UnsupportedError

_ACTION = re.compile(r"(\s*)\{\{(-\s)?(.*?)(\s-)?\}\}(\s*)", re.DOTALL)
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|`([^`]*)`|([^\s|]+)')
_PREFIXES = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
Values = float | str


def short(value: float) -> str:
    """Go's ``%.4g``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.4g}"


def humanize(value: float) -> str:
    """``humanize``: metric prefixes."""
    if value == 0 or math.isnan(value) or math.isinf(value):
        return short(value)
    prefix = ""
    if abs(value) >= 1:
        for name in _PREFIXES:
            if abs(value) < 1000:
                break
            prefix, value = name, value / 1000
        return short(value) + prefix
    for name in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = name, value * 1000
    return short(value) + prefix


def humanize1024(value: float) -> str:
    """``humanize1024``: binary prefixes."""
    if abs(value) <= 1 or math.isnan(value) or math.isinf(value):
        return short(value)
    prefix = ""
    for name in _BINARY:
        if abs(value) < 1024:
            break
        prefix, value = name, value / 1024
    return short(value) + prefix


def humanize_duration(value: float) -> str:
    """``humanizeDuration``: seconds as days, hours, minutes and seconds."""
    if math.isnan(value) or math.isinf(value):
        return short(value)
    if value == 0:
        return f"{short(value)}s"
    if abs(value) >= 1:
        sign, value = ("-", -value) if value < 0 else ("", value)
        whole = int(value)
        seconds, minutes, hours, days = whole % 60, whole // 60 % 60, whole // 3600 % 24, whole // 86400
        if days:
            return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
        if hours:
            return f"{sign}{hours}h {minutes}m {seconds}s"
        if minutes:
            return f"{sign}{minutes}m {seconds}s"
        return f"{sign}{short(value)}s"
    prefix = ""
    for name in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = name, value * 1000
    return f"{short(value)}{prefix}s"


def _percentage(value: float) -> str:
    return f"{short(value * 100)}%"


_NUMBERS: dict[str, Callable[[float], str]] = {
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanizeDuration": humanize_duration,
    "humanizePercentage": _percentage,
}
_TEXTS: dict[str, Callable[[str], str]] = {"toUpper": str.upper, "toLower": str.lower}


def render(template: str, labels: Mapping[str, str], value: float) -> str:
    """The text of an annotation or label. Raises ``UnsupportedError`` for a construct that is not known here."""
    if "{{" not in template:
        return template

    def action(match: re.Match[str]) -> str:
        before = "" if match[2] else match[1]
        after = "" if match[4] else match[5]
        return before + _printed(_pipeline(match[3], labels, value)) + after

    text = _ACTION.sub(action, template)
    if "{{" in text and "{{" not in "".join(labels.values()):
        raise UnsupportedError("this template")
    return text


def _pipeline(text: str, labels: Mapping[str, str], value: float) -> Values:
    current: list[Values] = []
    for stage in _stages(text):
        current = [_stage(stage, current, labels, value)]
    if not current:
        raise UnsupportedError("an empty template action")
    return current[0]


def _stages(text: str) -> list[list[re.Match[str]]]:
    stages: list[list[re.Match[str]]] = [[]]
    position = 0
    text = text.strip()
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == "|":
            stages.append([])
            position += 1
        else:
            token = _TOKEN.match(text, position)
            if token is None:
                raise UnsupportedError(f"the template action {text}")
            stages[-1].append(token)
            position = token.end()
    return stages


def _stage(tokens: list[re.Match[str]], piped: list[Values], labels: Mapping[str, str], value: float) -> Values:
    if not tokens:
        raise UnsupportedError("an empty template stage")
    name = tokens[0][3]
    if len(tokens) == 1 and not piped:
        return _operand(tokens[0], labels, value)
    arguments = [_operand(token, labels, value) for token in tokens[1:]] + piped
    if name in _NUMBERS and len(arguments) == 1:
        return _NUMBERS[name](float(arguments[0]))
    if name in _TEXTS and len(arguments) == 1:
        return _TEXTS[name](str(arguments[0]))
    if name == "printf" and arguments and isinstance(arguments[0], str):
        return _printf(arguments[0], arguments[1:])
    raise UnsupportedError(f"the template function {name}")


def _operand(token: re.Match[str], labels: Mapping[str, str], value: float) -> Values:
    if token[1] is not None:
        if "\\" in token[1]:
            raise UnsupportedError("escapes in a template")
        return token[1]
    if token[2] is not None:
        return token[2]
    word = token[3]
    if word in ("$value", ".Value"):
        return value
    for prefix in ("$labels.", ".Labels."):
        if word.startswith(prefix) and word[len(prefix) :].isidentifier():
            return labels.get(word[len(prefix) :], "")
    try:
        return float(word)
    except ValueError:
        raise UnsupportedError(f"the template operand {word}") from None


def _printf(form: str, arguments: list[Values]) -> str:
    if not re.fullmatch(r"(?:[^%]|%%|%\.\d+f|%\.\d+g|%s)*", form):
        raise UnsupportedError(f"the format {form}")
    try:
        return form % tuple(arguments)
    except TypeError as error:
        raise UnsupportedError(f"the format {form}") from error


def _printed(value: Values) -> str:
    if isinstance(value, str):
        return value
    # Go prints a float with %v: the shortest text, an exponent from 21 digits on or below 1e-4.
    if math.isfinite(value) and value == int(value) and abs(value) < 1e21:
        return str(int(value))
    if math.isnan(value) or math.isinf(value):
        return short(value)
    if 1e-4 <= abs(value) < 1e21:
        text = repr(value)
        return text if "e" not in text else f"{value:f}"
    return repr(value)
