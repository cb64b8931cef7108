"""Runs a program where there is nothing but Python, TensorFlow with what it brings, NumPy, and the library.

`python alone.py PROGRAM ...`: whatever else is installed is not found, as if it were not there.
"""

import runpy
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from importlib.metadata import packages_distributions, requires
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LIBRARY = ("trainer.ml.estimator", "marginalia_estimator", "tests.ml.estimator")


def brought_by(*packages: str) -> set[str]:
    """The packages that come with the distributions of these, and all that those need."""
    modules = packages_distributions()
    found: set[str] = set()
    waiting = [canonicalize_name(name) for package in packages for name in modules[package]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needed = map(Requirement, requires(name) or ())
            waiting += [canonicalize_name(one.name) for one in needed if not one.marker or one.marker.evaluate()]
    return {module for module, names in modules.items() if found & set(map(canonicalize_name, names))}


class OnlyThese(PathFinder):
    """Finds the modules that may be there."""

    packages = sys.stdlib_module_names | brought_by("tensorflow", "numpy")

    @classmethod
    def find_spec(cls, fullname: str, *where: Any) -> ModuleSpec | None:
        package = fullname.partition(".")[0]
        ours = any(f"{fullname}.".startswith(f"{name}.") or name.startswith(f"{fullname}.") for name in LIBRARY)
        pythons = package.startswith("_sysconfigdata_")  # named after the machine, so not in Python's list
        return super().find_spec(fullname, *where) if ours or pythons or package in cls.packages else None


if __name__ == "__main__":
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, OnlyThese]
    _, *sys.argv = sys.argv
    runpy.run_path(sys.argv[0], run_name="__main__")
