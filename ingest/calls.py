"""One HTTP call: what was sent, taken apart and checked; and how it is answered."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Send

from domain.errors import BadInput
from domain.message import RowId
from domain.texts import check_texts
from ingest.problems import MEDIA_TYPE, BodyTooLarge, MalformedBody, Problem, WrongContentType
from stores.api_clients import ApiClient

BODY_BYTES_MAX: Final = 1_048_576
BULK_BYTES_MAX: Final = 8 * 1_048_576
JSON: Final = b"application/json"
_FIELD_IN_ERROR: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.+)`)?$", re.DOTALL)
_FIELD_IN_TEXT: Final = re.compile(r"(?:unknown field|missing required field) `(?P<name>[^`]*)`")
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_NUL: Final = rb"\u0000"
_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""Every escape of JSON; the group is half a surrogate pair."""

T = TypeVar("T")
Query = TypeVar("Query", bound=msgspec.Struct)
encode_json: Final = msgspec.json.Encoder().encode


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acts, where a call says no more: in its body, or in its query where it has none."""

    actor_id: RowId


class Reader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who reads."""

    as_user: RowId


@dataclass(frozen=True, slots=True)
class Call:
    """What was sent."""

    client: ApiClient
    address: str
    """Method and path."""
    path: Mapping[str, Any]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    peer: str | None
    """The address of whoever connected; None over a Unix socket."""

    def query_as(self, shape: type[Query]) -> Query:
        """The query as a struct. Raises BadInput, naming the parameter."""
        given: dict[str, object] = {}
        integers = integer_fields(shape)
        for name, value in parse_qsl(self.query.decode("latin-1"), keep_blank_values=True):
            if name in given:
                raise BadInput(f"{name} is given twice.", name)
            given[name] = int(value) if name in integers and _INTEGER.fullmatch(value) else value
        try:
            return msgspec.convert(given, shape)
        except msgspec.ValidationError as error:
            raise bad_input(error) from None

    def body_as(self, decoder: "msgspec.json.Decoder[T]") -> T:
        """The body as a struct. Raises WrongContentType, MalformedBody, BadInput, naming the field."""
        if self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != JSON:
            raise WrongContentType("Send the body as application/json.", "Content-Type")
        return decode_json(self.body, decoder)


@cache
def integer_fields(shape: type[msgspec.Struct]) -> frozenset[str]:
    """The parameters of a query that are numbers: in a query all are texts, and only these are read as more."""
    info = msgspec.inspect.type_info(shape)
    assert isinstance(info, msgspec.inspect.StructType)
    return frozenset(one.encode_name for one in info.fields if _may_be_integer(one.type))


def _may_be_integer(of: msgspec.inspect.Type) -> bool:
    types = of.types if isinstance(of, msgspec.inspect.UnionType) else (of,)
    return any(isinstance(one, msgspec.inspect.IntType) for one in types)


def decode_json(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """JSON as a struct. Raises MalformedBody, BadInput, naming the field."""
    try:
        decoded = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_input(error) from None
    except msgspec.DecodeError as error:
        whole = halves_as_nul(body)
        if whole == body:
            raise MalformedBody(f"The body is not JSON: {error}.") from None
        return decode_json(whole, decoder)
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None
    except RecursionError:
        raise MalformedBody("The body is nested too deep.") from None
    if _NUL in body:
        check_texts(decoded)
    return decoded


def halves_as_nul(body: bytes) -> bytes:
    """The same JSON, with NUL for each half of a surrogate pair.

    Alone it is well-formed (RFC 8259, section 8.2), but msgspec takes the whole body for malformed. As NUL it is
    refused with the field that holds it, and in a bulk with the message that does.
    """
    return _ESCAPES.sub(lambda escape: _NUL if escape[1] else escape[0], body)


def bad_input(error: msgspec.ValidationError) -> BadInput:
    """What does not fit, and the field it is about: msgspec names types and limits, never values."""
    match = _FIELD_IN_ERROR.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    field_path = path.removeprefix("$").removeprefix(".")
    if named := _FIELD_IN_TEXT.search(what):
        field_path = ".".join(filter(None, (field_path, named["name"])))
    if " matching regex " in what:  # which says nothing to whoever did not write it
        what = "This text is blank, or not written as it must be"
    return BadInput(f"{what}.", field_path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a body, or a file of `size_bytes` in pieces, each read when it is to be sent."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())
    pieces: AsyncIterator[bytes] | None = None
    size_bytes: int = 0


def answer_json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """An answer of JSON."""
    return Answer(status, encode_json(value))


def answer_problem(problem: Problem) -> Answer:
    """An answer that says what went wrong."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if problem.retry_after:
        headers = ((b"retry-after", str(problem.retry_after).encode()),)
    elif problem.status == HTTPStatus.UNAUTHORIZED:
        headers = ((b"www-authenticate", b"Bearer"),)  # RFC 9110, section 11.6.1
    return Answer(HTTPStatus(problem.status), encode_json(problem), MEDIA_TYPE, headers)


async def read_body(receive: Receive, bytes_max: int) -> bytes:
    """The whole body. Raises BodyTooLarge, as soon as that is known."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= bytes_max:
        return body
    chunks = [body]
    size = len(body)
    while message.get("more_body") and size <= bytes_max:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > bytes_max:
        raise BodyTooLarge(f"A body may have {bytes_max} bytes here.")
    return b"".join(chunks)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer to whoever called. Raises whatever reading its pieces does: then it is cut off, and seen to be."""
    size_bytes = len(answer.body) if answer.pieces is None else answer.size_bytes
    headers = [
        (b"content-type", answer.media_type),
        (b"content-length", str(size_bytes).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    if answer.pieces is not None:
        async for piece in answer.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})
