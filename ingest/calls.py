"""One HTTP call: what was sent, taken apart and checked; and how it is answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Send

from domain.errors import BadInput
from domain.message import RowId
from ingest.problems import MEDIA_TYPE, BodyTooLarge, MalformedBody, Problem, WrongContentType
from stores.api_clients import ApiClient

BODY_BYTES_MAX: Final = 1_048_576
BULK_BYTES_MAX: Final = 8 * 1_048_576
JSON: Final = b"application/json"
_FIELD_IN_ERROR: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.+)`)?$", re.DOTALL)
_FIELD_IN_TEXT: Final = re.compile(r"(?:unknown field|missing required field) `(?P<name>[^`]*)`")

T = TypeVar("T")
encode_json: Final = msgspec.json.Encoder().encode


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acts, where a call has no body."""

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

    def query_as(self, shape: type[T]) -> T:
        """The query as a struct. Raises BadInput, naming the parameter."""
        pairs = parse_qsl(self.query.decode("latin-1"), keep_blank_values=True)
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise BadInput(f"{name} is given twice.", name)
        try:
            return msgspec.convert(dict(pairs), shape, strict=False)
        except msgspec.ValidationError as error:
            raise bad_input(error) from None

    def body_as(self, decoder: "msgspec.json.Decoder[T]") -> T:
        """The body as a struct. Raises WrongContentType, MalformedBody, BadInput, naming the field."""
        if self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != JSON:
            raise WrongContentType("Send the body as application/json.", "Content-Type")
        return decode_json(self.body, decoder)


def decode_json(body: bytes | msgspec.Raw, decoder: "msgspec.json.Decoder[T]") -> T:
    """JSON as a struct. Raises MalformedBody, BadInput, naming the field."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_input(error) from None
    except msgspec.DecodeError as error:
        raise MalformedBody(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None
    except RecursionError:
        raise MalformedBody("The body is nested too deep.") from None


def bad_input(error: msgspec.ValidationError) -> BadInput:
    """What does not fit, and the field it is about: msgspec names types and limits, never values."""
    match = _FIELD_IN_ERROR.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    field_path = path.removeprefix("$").removeprefix(".")
    if named := _FIELD_IN_TEXT.search(what):
        field_path = ".".join(filter(None, (field_path, named["name"])))
    return BadInput(f"{what}.", field_path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


def answer_json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """An answer of JSON."""
    return Answer(status, encode_json(value))


def answer_problem(problem: Problem) -> Answer:
    """An answer that says what went wrong."""
    headers = ((b"retry-after", str(problem.retry_after).encode()),) if problem.retry_after else ()
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
    """Send an answer to whoever called."""
    headers = [
        (b"content-type", answer.media_type),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
