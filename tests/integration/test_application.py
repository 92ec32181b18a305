"""ingest.application: what nobody foresaw is answered, and its text goes no further (P11)."""

import os
import subprocess
import sys

from local.stack import ROOT, Stack

PROBE = """
import asyncio
from ingest.application import make

async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}

async def send(message):
    print(message.get("status", message.get("body")))

scope = {"type": "http", "method": "GET", "path": "/readyz", "query_string": b"", "headers": [], "root_path": ""}
asyncio.run(make()(scope, receive, send))
"""
"""Asks an application that never started, and so has no services."""


def test_a_mistake_of_ours_in_a_probe_is_answered_and_not_raised_to_the_server(stack: Stack) -> None:
    """A server logs the text of what is raised to it, and a text may quote a value."""
    probed = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env={**os.environ, **stack.env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert probed.stdout.splitlines()[-2:][0] == "500"
    assert "our-mistake" in probed.stdout
    assert "Traceback" not in probed.stderr
