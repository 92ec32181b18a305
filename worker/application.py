"""How Celery runs our tasks. A task's message is a doorbell: it carries ids or nothing, and losing it loses nothing."""

from typing import Final

from celery import Celery
from kombu.entity import Exchange, Queue

import settings
from schedules import SCHEDULES
from worker.failures import DiscreetTask

QUEUES: Final = ("messages", "events", "payments", "reports", "upkeep")
ROUTES: Final = {
    "tasks.messages.persist": {"queue": "messages"},
    "tasks.payments.apply_webhook": {"queue": "payments"},
    "tasks.payments.apply_confirm": {"queue": "payments"},
    "tasks.payments.apply_refund": {"queue": "payments"},
    "tasks.reports.render_audit": {"queue": "reports"},
    **{schedule.task: {"queue": schedule.queue} for schedule in SCHEDULES},
}
FAMILIES: Final = ("tasks.messages", "tasks.events", "tasks.payments", "tasks.reports", "tasks.upkeep")
app: Final = Celery("timingle", include=FAMILIES, task_cls=DiscreetTask)
app.conf.update(
    accept_content=["json"],
    beat_schedule={
        schedule.task: {
            "task": schedule.task,
            "schedule": schedule.every_s,
            "options": {"expires": max(10.0, schedule.every_s)},
        }
        for schedule in SCHEDULES
    },
    broker_connection_retry_on_startup=True,
    # Not broker_url: a CELERY_BROKER_URL in the environment would win over it.
    broker_read_url=settings.current().broker_url,
    broker_write_url=settings.current().broker_url,
    broker_connection_timeout=3,
    # A broker that hangs must not hold up whoever rings; a ring that was not heard is rung again by the sweep.
    broker_transport_options={"socket_timeout": 10, "socket_connect_timeout": 3, "socket_keepalive": True},
    enable_utc=True,
    result_backend=None,
    task_default_queue="upkeep",
    task_ignore_result=True,
    # Named, so that Flower shows them all, and a worker without -Q serves them all.
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
    task_routes=ROUTES,
    task_send_sent_event=True,
    task_serializer="json",
    task_track_started=False,
    timezone="Asia/Seoul",
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    # A child begins by giving up what its predecessor held, and the journal may take its time.
    worker_proc_alive_timeout=30,
    worker_redirect_stdouts=False,
    worker_send_task_events=True,
)
app.set_default()
