"""What a query costs before it is run: each field one point, and what is below a list as often as the list is long.

So `prompts(first: 50) { nodes { latestVersion { … 4 fields } } }` costs about 50 times what one node does. (The same
measure as GitHub's node limit: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from assay_gateway.entrypoints.graphql.connections import DEFAULT_FIRST, MAX_FIRST

MAX_COST: Final = 10_000
"""Points that one query may cost."""
POINTS_PER_REQUEST: Final = 200
"""Points that count as one more request of the caller's rate."""

_LISTS: Final = frozenset(
    {"prompts", "promptVersions", "datasets", "runs", "runResults", "repositories", "audits", "findings", "members"}
)


def cost_of(document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any]) -> int:
    """The points of one operation of a valid document (fragments cannot form circles in it)."""
    fragments = {
        node.name.value: node.selection_set for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    chosen = [node for node in operations if operation_name in (None, node.name and node.name.value)]
    return sum(_Cost(fragments, variables, node).of(node.selection_set) for node in chosen[:1])


class _Cost:
    def __init__(
        self,
        fragments: Mapping[str, SelectionSetNode],
        variables: Mapping[str, Any],
        operation: OperationDefinitionNode,
    ) -> None:
        self._fragments = fragments
        defaults = {
            each.variable.name.value: int(each.default_value.value)
            for each in operation.variable_definitions or ()
            if isinstance(each.default_value, IntValueNode)
        }
        self._variables = {**defaults, **variables}
        self._known: dict[str, int] = {}

    def of(self, selections: SelectionSetNode | None) -> int:
        return sum(self._of(selection) for selection in selections.selections) if selections else 0

    def _of(self, selection: Any) -> int:
        match selection:
            case FieldNode():
                return 1 + self._repeated(selection) * self.of(selection.selection_set)
            case InlineFragmentNode():
                return self.of(selection.selection_set)
            case FragmentSpreadNode():
                return self._of_fragment(selection.name.value)
            case _:
                return 0

    def _of_fragment(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = 0  # a circle, which validation refuses anyway, must not turn for ever
            self._known[name] = self.of(self._fragments.get(name))
        return self._known[name]

    def _repeated(self, field: FieldNode) -> int:
        if field.name.value not in _LISTS:
            return 1
        asked = next((each.value for each in field.arguments or () if each.name.value == "first"), None)
        match asked:
            case None:
                return DEFAULT_FIRST
            case IntValueNode():
                return min(int(asked.value), MAX_FIRST)
            case VariableNode():
                value = self._variables.get(asked.name.value, DEFAULT_FIRST)
                return min(value, MAX_FIRST) if isinstance(value, int) else MAX_FIRST
            case _:
                return MAX_FIRST
