"""Demo data of our own making: customer mails that a small grammar writes, so that their true labels are known."""

from annotator.demo.mails import SEED, TONES, TOPICS, mails

__all__ = ["SEED", "TONES", "TOPICS", "mails"]
