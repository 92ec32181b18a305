"""The Celery application: `celery -A worker worker -Q messages`, `celery -A worker beat`, `celery -A worker flower`."""

from worker import process
from worker.application import app

process.connect()

__all__ = ["app"]
