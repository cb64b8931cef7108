"""What can be told of an encoder's folder before anything is loaded, and what can be wrong with an encoder."""

from pathlib import Path

MODEL = "saved_model.pb"


class EncoderProblem(ValueError):
    """An encoder cannot be used."""


class BadEncoder(EncoderProblem):
    """A folder that holds no encoder that keeps to the contract (`encoder.py`); says what is missing."""


class WrongEncoder(EncoderProblem):
    """A model needs an encoder, and there is none or another."""


def missing(folder: Path) -> str | None:
    """What a folder lacks that every encoder has, as a clause; None where it looks like one."""
    if not folder.is_dir():
        return f"the encoder {folder} is not a folder that can be read"
    if not (folder / MODEL).is_file():
        return f"the encoder {folder} has no {MODEL}: it must be the folder of a SavedModel"
    return None
