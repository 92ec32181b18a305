"""An ASGI application that decodes a message and answers, and does nothing else: what HTTP and JSON cost by themselves.

The same server, the same shapes, an answer of the same size as ours.
"""

from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from domain.message import NewMessage

_decoder: Final = msgspec.json.Decoder(NewMessage)
ANSWER: Final = b'{"message_id":"01a20f69-cf42-70ab-8000-00004acf747b","seq":1,"created_at":"2026-11-24T21:15:22.306Z"}'
HEAD: Final = {
    "type": "http.response.start",
    "status": 202,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())],
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Decode and answer."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    _decoder.decode((await receive())["body"])
    await send(HEAD)
    await send({"type": "http.response.body", "body": ANSWER})


async def _live(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})
