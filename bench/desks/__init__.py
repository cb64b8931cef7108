"""Annotators' pages that `bench/desk.py` drives: ours, and those of two peers in virtual environments of their own."""
