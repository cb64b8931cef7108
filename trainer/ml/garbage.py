"""How often Python looks for circles of objects that nothing holds."""

import gc


def look_rarely() -> None:
    """While graphs are built there is no garbage, and to look through all of them again and again takes some 7 % of
    a small training.
    """
    gc.set_threshold(50_000, 20, 100)
