"""The operator's text encoder: one folder for the install, and for each project a file of what it made of its texts."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings

from trainer import store
from trainer.ml import encoder_folder

Problem, Wrong = encoder_folder.EncoderProblem, encoder_folder.WrongEncoder
log = structlog.get_logger(__name__)


def problem() -> str | None:
    """What ENCODER_DIR lacks, as far as that can be seen without TensorFlow; None where it is empty."""
    lacking = encoder_folder.missing(settings.ENCODER_DIR) if settings.ENCODER_DIR else None
    return f"ENCODER_DIR: {lacking}." if lacking else None


def of(tenant_id: int, project_id: int) -> Any:
    """The `Encoding` of a project; None without an encoder. Only for processes that may load TensorFlow."""
    if settings.ENCODER_DIR is None:
        return None
    from trainer.ml.states import Encoding

    return Encoding(settings.ENCODER_DIR, store.states_file(tenant_id, project_id))


def warm_up() -> None:
    """Load the encoder, which takes seconds, before anybody waits for it. What is wrong with it, runs will say."""
    if settings.ENCODER_DIR is not None:
        from trainer.ml.encoder import encoder_at

        try:
            encoder_at(settings.ENCODER_DIR)
        except encoder_folder.BadEncoder as error:
            log.warning("encoder_unusable", reason=str(error))
