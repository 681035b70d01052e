"""Optimistic concurrency: a document's revision as ETag, and If-Match on every write (RFC 9110, 13.1.1).

Routes read and change documents through the classes here, so none forgets the login, the ETag or If-Match.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from lbadmin.api.audited import describe
from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.errors import StaleError
from lbadmin.model import ClusterConfig, NodeConfig

_ETAG = re.compile(r'"([0-9]{1,18})"')


def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag that was read: the write is refused with 412 when the document has changed "
            "since. Without it the last writer wins."
        ),
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise StaleError('If-Match is not the ETag of a revision; send it as it was read, such as "17"')
    return int(found[1])


IfMatch = Annotated[int | None, Depends(_if_match)]


class DocumentReader:
    """The documents for a route that reads them."""

    def __init__(self, context: ContextDep, _: Caller, response: Response) -> None:
        self._current = context.changes.current
        self._response = response

    def cluster(self) -> ClusterConfig:
        """Return the current ClusterConfig and give the answer its ETag."""
        _tag(self._response, self._current.cluster_revision)
        return self._current.cluster

    def node(self) -> NodeConfig:
        """Return the current NodeConfig and give the answer its ETag."""
        _tag(self._response, self._current.node_revision)
        return self._current.node


class DocumentWriter:
    """The documents for a route that changes them."""

    def __init__(
        self, request: Request, context: ContextDep, who: Caller, if_match: IfMatch, response: Response
    ) -> None:
        self._request = request
        self._changes = context.changes
        self._who = who
        self._if_match = if_match
        self._response = response

    def change_cluster(
        self,
        edit: Callable[[ClusterConfig], ClusterConfig],
        what: str,
        keys: Mapping[str, str] | None = None,
    ) -> ClusterConfig:
        """Put the edited document into effect, return it and give the answer its ETag.

        `keys` are private keys (PEM, by their names) that the edited document names.
        """
        describe(self._request, what)
        current = self._changes.change_cluster(edit, self._who, what, self._if_match, keys)
        _tag(self._response, current.cluster_revision)
        return current.cluster

    def change(
        self,
        edit: Callable[[ClusterConfig, NodeConfig], tuple[ClusterConfig, NodeConfig]],
        what: str,
        keys: Mapping[str, str],
        secrets: Mapping[str, str],
    ) -> tuple[ClusterConfig, NodeConfig]:
        """Put both edited documents into effect; ETag and If-Match are the ClusterConfig's."""
        describe(self._request, what)
        current = self._changes.change(
            edit, self._who, what, if_cluster=self._if_match, keys=keys, secrets=secrets
        )
        _tag(self._response, current.cluster_revision)
        return current.cluster, current.node

    def change_node(
        self, edit: Callable[[NodeConfig], NodeConfig], what: str, *, confirmed: bool = False
    ) -> NodeConfig:
        """Put the edited document into effect, return it and give the answer its ETag."""
        describe(self._request, what)
        current = self._changes.change_node(edit, self._who, what, self._if_match, confirmed=confirmed)
        _tag(self._response, current.node_revision)
        return current.node


Reader = Annotated[DocumentReader, Depends()]
Writer = Annotated[DocumentWriter, Depends()]


def _tag(response: Response, revision: int) -> None:
    response.headers["ETag"] = f'"{revision}"'
