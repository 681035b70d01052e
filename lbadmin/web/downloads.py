"""Files for the browser to keep."""

from starlette.responses import Response

from lbadmin.web.backend import Reply

_HEADERS = frozenset({b"content-type", b"content-disposition"})


def passed_on(reply: Reply) -> Response:
    """Return the file that lbadmind has answered with, under the name that it has given."""
    answer = Response(reply.body)
    answer.raw_headers += [(name, value) for name, value in reply.headers if name.lower() in _HEADERS]
    return answer


def text_file(text: str, name: str, media_type: str) -> Response:
    """Return a text as a file; `name` holds nothing but what a label may hold."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=media_type, headers=headers)
