"""How gunicorn serves the pages and the API: `gunicorn -c python:web.gunicorn web.wsgi`."""

import gc
import logging
import os
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from web import configuration, data_dir
from web.masking import MaskingFormatter


class MaskingLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own, without what still opens a door."""

    def _set_handler(self, log: logging.Logger, output: Any, fmt: logging.Formatter, stream: Any = None) -> None:
        super()._set_handler(log, output, MaskingFormatter(fmt), stream)


bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = max(1, configuration.number("WEB_WORKERS", 2))
threads = max(1, configuration.number("WEB_THREADS", 4))
# What is imported once is held in memory once; the collector would touch each page of it, and so copy it.
preload_app = True
timeout = 60
graceful_timeout = 5
keepalive = 30
limit_request_line = 8190
# Where a heartbeat file on a slow disk could stall a worker, memory does not.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn unlinks it at once
# Its lines name paths, and with them links that still work.
logger_class = MaskingLogger
# One per user account: two installs would fight over it.
control_socket_disable = True


data_dir.keep_private()


def on_starting(_server: Any) -> None:
    """Without a launcher, in a container, nobody has looked before."""
    place = configuration.data_dir(Path("var"))
    if place.is_dir():
        data_dir.tighten(place)


def pre_fork(_server: Any, _worker: Any) -> None:
    """Nothing of what workers share is ever garbage."""
    gc.freeze()
