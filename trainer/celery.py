"""The Celery application, and how messages are sent: none piles up, and without any the sweep finds what is due."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

import redis
import structlog
from celery import Celery, signals
from celery.beat import Scheduler
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")

from django.conf import settings  # after the name of the settings is known
from django.db import transaction

from trainer import queues
from trainer.pulse import Pulse, work

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 5.0
# A message that was sent so long before the oldest that waits in its queue (or before now) was lost with its worker.
LOST_SECONDS = 30
KEPT_SECONDS = 3600

app = Celery("marginalia", broker=settings.REDIS_URL)
app.conf.update(
    task_default_queue=queues.SUGGEST,
    task_routes={f"trainer.tasks.{task}": {"queue": queue} for task, queue in queues.BY_TASK.items()},
    task_ignore_result=True,
    # The database knows what is due; a message lost with its worker is sent again by the sweep.
    task_acks_late=False,
    task_publish_retry=False,
    worker_prefetch_multiplier=1,
    # A message that waits in a worker's hands cannot be overtaken by a more urgent one.
    worker_disable_prefetch=True,
    worker_proc_alive_timeout=120,  # importing TensorFlow takes seconds
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        "polling_interval": 0.1,
        # An acknowledgement in Redis that times out leaves its message in the worker's books for good, and with it
        # the one place there is: the worker would never take another. We need none, so none is sent.
        "ack_emulation": False,
        "queue_order_strategy": "priority",  # as in queues.SERVED
    },
    beat_scheduler="trainer.celery:Clock",
    beat_schedule={"sweep": {"task": "trainer.tasks.sweep", "schedule": SWEEP_SECONDS}},
    timezone="UTC",
)
app.autodiscover_tasks(["trainer"])

_client: redis.Redis | None = None


def client() -> redis.Redis:
    """This process's connections to Redis for what nobody may be held up by."""
    global _client  # noqa: PLW0603 - one pool a process
    if _client is None:
        _client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
    return _client


def send(task: str, *args: Any, **options: Any) -> bool:
    """Send a message for one of our tasks, by its name; see trainer/tasks.py for what each takes.

    False, and nothing is sent, where its queue is full. Raises RedisError where Redis does not answer.
    """
    if int(client().llen(queues.BY_TASK[task])) >= queues.MOST_WAITING:
        return False
    try:
        app.send_task(f"trainer.tasks.{task}", args, **options)
    except OperationalError as error:
        raise redis.ConnectionError(str(error)) from error
    return True


def send_once(task: str, *args: Any, **options: Any) -> bool:
    """Send a message unless one that says the same is on its way already; that one will do.

    Only for tasks that look for themselves what is to be done when they begin.
    """
    key = _key(task, args)
    with client().pipeline(transaction=False) as pipe:
        pipe.get(key)
        pipe.lindex(queues.BY_TASK[task], -1)
        sent_at, oldest = pipe.execute()
    now = time.time()
    # Queues keep their order: where the oldest that waits is younger, this one waits no more.
    if sent_at is not None and queues.sent_at(oldest, now) - float(sent_at) < LOST_SECONDS:
        return False
    client().set(key, now, ex=KEPT_SECONDS)  # first: a worker may begin before we have said so
    gone = False
    try:
        gone = send(task, *args, **options)
    finally:
        if not gone:
            begun(task, *args)
    return gone


def send_once_committed(task: str, *args: Any, pause: float = 0) -> None:
    """The same, once what stands in the transaction at hand is committed. That is done then, whatever becomes of the
    message: where Redis does not answer, the sweep finds what is due.

    For ``pause`` seconds after a message another one waits: until they are over.
    """

    def send_it() -> None:
        try:
            send_once(task, *args, **(_paced(task, *args, pause=pause) if pause else {}))
        except redis.RedisError as error:
            log.warning("message_not_sent", message=task, error=type(error).__name__)

    # A function of its own: what Django says of one that fails holds its name, and a partial has none.
    transaction.on_commit(send_it, robust=True)


def _paced(task: str, *args: Any, pause: float) -> dict[str, Any]:
    """How a message is sent that may wait: at once, unless one was within the pause."""
    key = ":".join(("marginalia:paced", task, *map(str, args)))
    with client().pipeline(transaction=False) as pipe:
        pipe.set(key, 1, nx=True, px=int(pause * 1000))
        pipe.pttl(key)
        first, left = pipe.execute()
    return {} if first else {"countdown": max(0, left) / 1000}


def begun(task: str, *args: Any) -> None:
    """A worker has the message: what happens from now on is worth another."""
    with suppress(redis.RedisError):
        client().delete(_key(task, args))


def _key(task: str, args: tuple[Any, ...]) -> str:
    return ":".join(("marginalia:sent", task, *map(str, args)))


class Clock(Scheduler):
    """The beat: what is due is sent, unless a worker has yet to begin with the last.

    It keeps nothing in a file: where a machine's clock is set back, a beat that remembered when it sent the last sweep
    would wait for that time to come again.
    """

    def apply_async(self, entry: Any, *_: Any, advance: bool = True, **__: Any) -> None:
        entry = self.reserve(entry) if advance else entry
        send_once(entry.task.rpartition(".")[2], *entry.args)
        work.begin()


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """With this connected Celery leaves logging as the settings made it."""


@signals.before_task_publish.connect
def stamp(headers: dict[str, Any], **_: Any) -> None:
    """So that the age of what waits can be told."""
    headers[queues.SENT_AT] = time.time()


@signals.worker_process_init.connect
def child_begins(**_: Any) -> None:
    """A worker's child imports TensorFlow while it is idle, so that its first task need not wait for that."""
    if os.environ.get("WARM_TENSORFLOW") == "1":
        from trainer import predict

        predict.warm_up()
    work.ready()


@signals.task_prerun.connect
def task_begins(**_: Any) -> None:
    work.begin()


@signals.task_postrun.connect
def task_ends(**_: Any) -> None:
    work.end()


@signals.worker_ready.connect
def worker_lives(sender: Any, **_: Any) -> None:
    served = tuple(sender.app.amqp.queues.consume_from)
    name = next(name for name, those in queues.SERVED.items() if those == served)
    if name == "maintenance":
        forget_unacknowledged()
    Pulse(name, served).start()


@signals.beat_init.connect
def beat_lives(**_: Any) -> None:
    Pulse("beat").start()


def forget_unacknowledged() -> None:
    """Messages that a worker of before 0.4 took and never acknowledged; nobody would ever look at them again."""
    with suppress(redis.RedisError):
        for tag, message in client().hscan_iter("unacked"):
            if b"trainer.tasks." in message:
                client().hdel("unacked", tag)
                client().zrem("unacked_index", tag)
