"""Demo data of our own making: customer mails that a small grammar writes, so that their true labels are known."""

from annotator.demo.mails import SEED, TONES, TOPICS, mail, mails
from annotator.demo.project import PROJECT

__all__ = ["PROJECT", "SEED", "TONES", "TOPICS", "mail", "mails"]
