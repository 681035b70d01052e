"""What was changed, the way back, and backups."""

import json

from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb
from lbadmin.cli.tables import show_diff, show_diffs, show_history, show_revision
from lbadmin.cli.terminal import FileError, read_bytes, write_private
from lbadmin.client import Client


def _take_document(parser: Parser) -> None:
    parser.take(
        "--node", action="store_true", help="of this node's own configuration, not of the virtual services'"
    )


def _take_revision(parser: Parser) -> None:
    parser.take(
        "revision", type=int, metavar="REVISION", completes="revisions", help="number of the revision"
    )
    _take_document(parser)


def _take_pair(parser: Parser) -> None:
    _take_revision(parser)
    parser.take(
        "--to",
        type=int,
        metavar="REVISION",
        completes="revisions",
        help="the other one (default: the current)",
    )


def _take_backup(parser: Parser) -> None:
    parser.take("file", metavar="FILE", completes="files", help="where to; - is standard output")


def _take_restore(parser: Parser) -> None:
    parser.take("file", metavar="FILE", completes="files", help="the backup; - is standard input")
    parser.take("--cluster", action="store_true", help="virtual services, certificates, settings (default)")
    parser.take("--node", action="store_true", help="this node's addresses, gateway and names")
    parser.take("--preview", action="store_true", help="show what would change, and change nothing")


def _path(options: Options) -> str:
    return f"/history/{'node' if options.node else 'cluster'}"


def _revision(options: Options) -> str:
    return f"{_path(options)}/{options.revision}"


def _list(client: Client, options: Options) -> Json:
    return client.call("GET", _path(options))


def _show(client: Client, options: Options) -> Json:
    return client.call("GET", _revision(options))


def _diff(client: Client, options: Options) -> Json:
    to = "" if options.to is None else f"?to={options.to}"
    return client.call("GET", f"{_revision(options)}/diff{to}")


def _restore(client: Client, options: Options) -> Json:
    return client.call("POST", f"{_revision(options)}/restore")


def _backup(client: Client, options: Options) -> Json:
    write_private(options.file, json.dumps(client.call("GET", "/backup"), indent=1).encode() + b"\n")


def _restore_backup(client: Client, options: Options) -> Json:
    try:
        backup = json.loads(read_bytes(options.file))
    except (ValueError, RecursionError):
        raise FileError(
            f"{options.file} is not a backup; name a file that lbcli backup has written"
        ) from None
    # As on the page, the node's own addresses come back only when they are asked for.
    cluster = options.cluster or not options.node
    body = {"backup": backup, "cluster": cluster, "node": options.node}
    return client.call("POST", f"/backup/{'preview' if options.preview else 'restore'}", body)


GROUP = Group(
    "History and backup",
    (
        Verb("history", "show who changed what, and when", _list, show_history, _take_document),
        Verb(
            "show-revision", "show an earlier configuration", _show, show_revision, _take_revision,
            "show-revision 17",
        ),
        Verb("diff", "compare two configurations", _diff, show_diff, _take_pair, "diff 16 --to 17"),
        Verb(
            "restore-revision", "go back to an earlier configuration", _restore, options=_take_revision,
            example="restore-revision 17",
        ),
        Verb(
            "backup", "save the configuration with certificates and private keys", _backup,
            options=_take_backup, example="backup lbva.json",
        ),
        Verb(
            "restore-backup", "put a backup into effect", _restore_backup, show_diffs, _take_restore,
            "restore-backup lbva.json --preview",
        ),
    ),
)  # fmt: skip
