"""A TCP proxy that cuts a connection at the worst moment: the server has replied, and the client has not heard it."""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Final, Self

from local.probes import LOOPBACK

CHUNK_BYTES: Final = 65_536


class Proxy:
    """Passes bytes on between its own `port` and a server's. Use it as a context manager."""

    port: int

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._word = b""
        self._left = 0
        self.cuts = 0
        """How many replies were lost so far."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def lose_replies_to(self, word: bytes, times: int = 1) -> None:
        """Of the next requests that hold this word, lose so many replies, and each time the connection with it."""
        self._word, self._left = word, times

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._connect, LOOPBACK, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _end(self) -> None:
        self._server.close()
        ours = asyncio.all_tasks() - {asyncio.current_task()}
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)

    async def _connect(self, from_client: StreamReader, to_client: StreamWriter) -> None:
        try:
            with suppress(OSError):  # the server is away: so are we
                await self._pass_on(from_client, to_client)
        finally:
            to_client.close()

    async def _pass_on(self, from_client: StreamReader, to_client: StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(LOOPBACK, self._server_port)
        asked = asyncio.Event()
        ways = {
            asyncio.create_task(self._pass_requests(from_client, to_server, asked)),
            asyncio.create_task(self._pass_replies(from_server, to_client, asked)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_server.close()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_requests(self, reader: StreamReader, writer: StreamWriter, asked: asyncio.Event) -> None:
        seen = b""
        while data := await reader.read(CHUNK_BYTES):
            if self._left:
                seen = seen[-len(self._word) :] + data
                if self._word in seen:
                    asked.set()
            writer.write(data)
            await writer.drain()

    async def _pass_replies(self, reader: StreamReader, writer: StreamWriter, asked: asyncio.Event) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self._left and asked.is_set():
                self._left -= 1
                self.cuts += 1
                return
            asked.clear()
            writer.write(data)
            await writer.drain()
