"""The HTTP door: authenticates, checks, journals, rings; and the read views. `granian --interface asgi ingest:app`."""

from ingest.application import make

app = make()
