"""Asking the suggest worker from a web process."""

from __future__ import annotations

from trainer import serving


def test_a_slow_worker_is_not_taken_for_a_silent_redis():
    patience = serving.broker().connection_pool.connection_kwargs["socket_timeout"]

    assert patience > serving.TIMEOUT
