"""The life of a worker's process: where its stores and the providers are, said after the fork, and what it logs."""

import os
import socket
from contextlib import suppress
from typing import Any, Final

from billiard.process import current_process
from celery.signals import (
    celeryd_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
)
from structlog.contextvars import bind_contextvars, clear_contextvars

import providers
import settings
from domain.errors import Away
from stores import connections
from tasks import report_tools
from worker.addresses import addresses, provider_settings, tools
from worker.logs import configure_logs

_node: list[str] = []
SINGLE_PROCESS: Final = "0"


def connect() -> None:
    """Listen to Celery's signals."""
    celeryd_init.connect(remember_node)
    setup_logging.connect(set_up_logging)
    worker_process_init.connect(begin)
    worker_process_shutdown.connect(end)
    task_prerun.connect(bind_task)
    task_postrun.connect(clear_task)


def remember_node(sender: str, **_: Any) -> None:
    """The worker's node name, before its children are forked."""
    _node[:] = [sender]


def set_up_logging(**_: Any) -> None:
    """Our log instead of Celery's."""
    configure_logs(settings.current().log_level)


def begin(**_: Any) -> None:
    """In a child, after the fork. Its place in the pool names it: what its predecessor held is free for all at once."""
    node = _node[0] if _node else f"{socket.gethostname()}/{os.getpid()}"
    connections.configure(
        addresses(settings.current().postgres_url, f"{node}/{getattr(current_process(), 'index', SINGLE_PROCESS)}")
    )
    providers.configure(provider_settings())
    report_tools.configure(tools())
    with suppress(Away):  # then it is taken over a minute later, or by this child's next drain
        for group in connections.stores().groups:
            group.release()


def end(**_: Any) -> None:
    """In a child, before it goes."""
    connections.stores().close()


def bind_task(task_id: str, task: Any, **_: Any) -> None:
    """Every log line of a task names it."""
    bind_contextvars(task=task.name, task_id=task_id)


def clear_task(**_: Any) -> None:
    """The next task is another."""
    clear_contextvars()
