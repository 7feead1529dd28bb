"""What a PromQL query names: its metrics and the labels that it uses of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import promql_parser


def selectors(query: str) -> Iterator[promql_parser.VectorSelector]:
    """Every `metric{…}` of the query. Raises ValueError when it does not parse."""
    yield from _below(promql_parser.parse(query))


def grouped(query: str) -> Iterator[str]:
    """The labels by which the query aggregates."""
    for each in _nodes(promql_parser.parse(query)):
        modifier = getattr(each, "modifier", None)
        if isinstance(each, promql_parser.AggregateExpr) and modifier is not None:
            yield from modifier.labels


def matchers(selector: promql_parser.VectorSelector) -> dict[str, promql_parser.Matcher]:
    """Label → what it must be; of several for one label the first."""
    return {each.name: each for each in reversed(selector.matchers.matchers)}


def _below(node: Any) -> Iterator[promql_parser.VectorSelector]:
    return (each for each in _nodes(node) if isinstance(each, promql_parser.VectorSelector))


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(child, (str, float, int)):
            yield from _nodes(child)
    for child in getattr(node, "args", None) or []:
        yield from _nodes(child)
