"""`python -m tests.fakes --port 8010 --deliver-to http://127.0.0.1:8000`: run both until SIGTERM. Keys come by
TIMINGLE_* variables, as ingest and the workers have them."""

import argparse
import os
from typing import Final

from granian.constants import Interfaces
from granian.server import Server

from tests.fakes.application import WEBHOOKS_VARIABLE

HOST: Final = "127.0.0.1"


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes", description="Fakes of Toss Payments and Stripe.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--deliver-to", default="", help="ingest's base URL; without it no webhook is sent")
    given = parser.parse_args()
    os.environ[WEBHOOKS_VARIABLE] = given.deliver_to
    server = Server(
        "tests.fakes.application:app",
        address=HOST,
        port=given.port,
        interface=Interfaces.ASGI,
        factory=True,
        websockets=False,
        log_access=False,
    )
    server.serve()


if __name__ == "__main__":
    main()
