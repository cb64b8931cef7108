"""The Celery application: three queues, the beat, and a pulse that tells the web which processes live."""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import redis
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")

from django.conf import settings  # after the name of the settings is known

TRAIN, SUGGEST, IO = QUEUES = ("train", "suggest", "io")
PULSE_SECONDS = 2
PULSE_KEY = "marginalia:worker:{}"

# Training, and what reads or writes whole files, may take long; all else is short and shares the suggest worker.
ROUTES = {"train": TRAIN, "run_import": IO, "run_export": IO, "run_delete": IO}

app = Celery("marginalia", broker=settings.REDIS_URL)
app.conf.update(
    task_default_queue=SUGGEST,
    task_routes={f"trainer.tasks.{task}": {"queue": queue} for task, queue in ROUTES.items()},
    task_ignore_result=True,
    # The database knows what is due; a message lost with its worker is sent again by the sweep.
    task_acks_late=False,
    task_publish_retry=False,
    worker_prefetch_multiplier=1,
    worker_proc_alive_timeout=120,  # importing TensorFlow takes seconds
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_connect_timeout": 2, "socket_timeout": 10, "polling_interval": 0.1},
    beat_schedule={"sweep": {"task": "trainer.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}}},
    beat_schedule_filename=str(settings.DATA_DIR / "beat-schedule"),
    timezone="UTC",
)
app.autodiscover_tasks(["trainer"])


def send(task: str, *args: Any, **options: Any) -> None:
    """Send a message for one of our tasks, by its name; see trainer/tasks.py for what each takes."""
    app.send_task(f"trainer.tasks.{task}", args, **options)


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """With this connected Celery leaves logging as the settings made it."""


@signals.worker_process_init.connect
def warm_up(**_: Any) -> None:
    """A worker's child imports TensorFlow while it is idle, so that its first task need not wait for that."""
    if os.environ.get("WARM_TENSORFLOW") == "1":
        from trainer import predict

        predict.warm_up()


@signals.worker_ready.connect
def worker_lives(sender: Any, **_: Any) -> None:
    for queue in sender.app.amqp.queues.consume_from:
        Pulse(queue).start()


@signals.beat_init.connect
def beat_lives(**_: Any) -> None:
    Pulse("beat").start()


class Pulse(Thread):
    """Renews a key in Redis for as long as this process lives."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"pulse of {name}", daemon=True)
        self.key = PULSE_KEY.format(name)
        self.over = Event()

    def run(self) -> None:
        client = redis.Redis.from_url(settings.REDIS_URL)
        while True:
            with suppress(redis.RedisError):  # while the broker is away
                client.set(self.key, os.getpid(), ex=PULSE_SECONDS * 3)
            if self.over.wait(PULSE_SECONDS):
                return
