"""The library is built as a wheel of its own, which holds the library and nothing else, and runs by itself."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "trainer" / "ml" / "estimator"
ALONE = ROOT / "tests" / "ml" / "estimator" / "alone.py"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `python -m build` makes of a copy of the library: a source archive, and from that a wheel."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(
        LIBRARY, folder / "copy", ignore=shutil.ignore_patterns("__pycache__", "build", "dist", "*.egg-info")
    )
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, folder / "copy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("marginalia_estimator-*-py3-none-any.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_modules_of_the_library_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}

    modules = {f"marginalia_estimator/{path.name}" for path in LIBRARY.glob("*.py")}
    assert packed == modules | {"marginalia_estimator/py.typed"}


def test_the_source_archive_can_be_built_from_and_holds_no_more(built: Path) -> None:
    (path,) = built.glob("marginalia_estimator-*.tar.gz")
    with tarfile.open(path) as archive:
        packed = {Path(*Path(member.name).parts[1:]) for member in archive if member.isfile()}

    metadata = {Path("PKG-INFO"), Path("setup.cfg")} | {path for path in packed if path.parent.suffix == ".egg-info"}
    assert packed - metadata == {Path(path.name) for path in LIBRARY.iterdir() if path.is_file()}


def test_it_says_what_it_is_and_needs(wheel: zipfile.ZipFile) -> None:
    (written,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    (licence,) = (name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
    product = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    said = message_from_bytes(wheel.read(written))

    assert said["Name"] == "marginalia-estimator"
    assert (said["Version"], said["License-Expression"]) == (product["version"], product["license"])
    assert [re.match(r"[\w-]+", needed).group() for needed in said.get_all("Requires-Dist")] == ["numpy", "tensorflow"]
    assert said.get_payload(decode=True).decode().strip() == (LIBRARY / "README.md").read_text(encoding="utf-8").strip()
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_example_of_its_readme_runs_where_nothing_else_is(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "installed")
    (example,) = re.findall(r"```python\n(.*?)```", (LIBRARY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    where = "import marginalia_estimator\nprint(marginalia_estimator.__path__)\n"
    (tmp_path / "example.py").write_text(example + where, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-P", ALONE, "example.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": "installed", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    measured, doubled, imported = done.stdout.splitlines()
    assert "'global_step': 200" in measured
    assert float(doubled.strip("[]")) == pytest.approx(42, abs=0.1)
    assert str(Path("installed", "marginalia_estimator")) in imported
