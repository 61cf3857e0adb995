"""Which handler answers which method and path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from reconciler.sandbox.messages import Answer, Refusal, Request

if TYPE_CHECKING:
    from reconciler.sandbox.store import State

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Call:
    """A request on its way into a handler, with what the route found in the path."""

    request: Request
    params: Mapping[str, str]
    state: State
    prefix: str = ""

    def query_int(self, name: str, default: int) -> int:
        """A whole number from the query.

        Raises:
            Refusal: 400, it isn't one.
        """
        text = self.request.query.get(name, "")
        try:
            return int(text) if text else default
        except ValueError:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", f"{name} must be a number.") from None


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """One operation: a template such as `/v1/things/{id}`, its handler, and how it says no."""

    method: str
    template: str
    handler: Handler
    refuse: Callable[[Refusal], Answer]
    server: str
    write: bool = False

    @property
    def label(self) -> str:
        """How statistics call it."""
        return f"{self.method} {self.template}"


@dataclass
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    routes: dict[str, Route] = field(default_factory=dict)


class Router:
    """Routes as a tree of path segments; a literal segment wins over a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.template.strip("/").split("/"):
            if segment.startswith("{"):
                if node.parameter is None:
                    node.parameter = (segment[1:-1], _Node())
                node = node.parameter[1]
            else:
                node = node.children.setdefault(segment, _Node())
        node.routes[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a path and its parameters, or None."""
        params: dict[str, str] = {}
        node = self._root
        for segment in path.strip("/").split("/"):
            child = node.children.get(segment)
            if child is not None:
                node = child
            elif node.parameter is not None and segment:
                name, node = node.parameter
                params[name] = unquote(segment) if "%" in segment else segment
            else:
                return None
        route = node.routes.get(method)
        return None if route is None else (route, params)
