"""What gets installed: every dependency declared, used and pinned, and a wheel that works on its own."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import s2t2_live.version

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def pins(name: str) -> dict[str, Requirement]:
    """The lines of a constraints file, by canonical package name."""
    lines = (line.strip() for line in (ROOT / name).read_text("utf-8").splitlines())
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def declared() -> list[Requirement]:
    """Every requirement that pyproject.toml names."""
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
        PROJECT["build-system"]["requires"],
    ]
    return [Requirement(line) for group in groups for line in group]


def names(requirements: list[str]) -> set[str]:
    """The canonical names of requirements."""
    return {canonicalize_name(Requirement(line).name) for line in requirements}


CORE = names(PROJECT["project"]["dependencies"])
EXTRAS = {name: names(lines) for name, lines in PROJECT["project"]["optional-dependencies"].items()}


def imported_modules(path: Path) -> Iterator[str]:
    """Top-level names of the absolute imports in a Python file, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def third_party(paths: Iterable[Path]) -> set[str]:
    """Canonical names of the distributions that these files import."""
    modules = {module for path in paths for module in imported_modules(path)}
    providers = packages_distributions()
    foreign = modules - sys.stdlib_module_names - {"s2t2_live", "ui"}
    return {canonicalize_name(name) for module in foreign for name in providers.get(module, [module])}


def sources(*folders: str) -> set[Path]:
    return {path for folder in folders for path in (ROOT / folder).rglob("*.py")}


MODULES = {
    "pico": {"training/pico.py"},
    "silero": {"audio/silero.py"},
    "simulstream": {"evaluation/simulstream.py", "evaluation/latency.py"},
}
"""Those that need an extra of their own; other extras belong to the room of their name."""


def code(extra: str) -> set[Path]:
    """The files that may import what the extra brings."""
    if extra in MODULES:
        return {ROOT / "s2t2_live" / name for name in MODULES[extra]}
    return sources(f"s2t2_live/{extra}").difference(*map(code, MODULES))


def test_the_program_imports_only_its_dependencies() -> None:
    assert third_party(sources("s2t2_live", "ui").difference(*map(code, EXTRAS))) <= CORE


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_code_of_an_extra_imports_only_what_the_extra_brings(extra: str) -> None:
    assert code(extra)
    assert third_party(code(extra)) <= CORE | EXTRAS[extra]


def test_every_dependency_is_imported() -> None:
    assert set().union(CORE, *EXTRAS.values()) <= third_party(sources("s2t2_live", "ui"))


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-oracle.txt"])
def test_constraints_are_exact(name: str) -> None:
    for requirement in pins(name).values():
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement


def test_every_installed_package_is_pinned_to_what_is_installed() -> None:
    pinned = pins("constraints.txt")
    pending = declared()
    seen: set[str] = set()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        exact = any(specifier.operator == "==" for specifier in requirement.specifier)
        # An exact requirement is pinned by the package that makes it: torch does so for its CUDA libraries.
        if name in seen or not wanted or exact:
            continue
        seen.add(name)
        assert name in pinned, f"constraints.txt does not pin {name}"
        try:
            installed = distribution(requirement.name)
        except PackageNotFoundError:
            pytest.fail(f"{requirement} is not installed; run make test, which installs it")
        assert pinned[name].specifier.contains(installed.version), f"constraints.txt pins another {name}"
        assert requirement.specifier.contains(installed.version), f"the installed {name} is outside of {requirement}"
        pending += [Requirement(line) for line in installed.requires or []]


def test_both_environments_have_the_same_torch() -> None:
    assert pins("constraints.txt")["torch"] == pins("constraints-oracle.txt")["torch"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built with the hatchling of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_has_the_code_and_the_assets_and_nothing_else(wheel: Path) -> None:
    name = f"s2t2_live-{s2t2_live.version.__version__}"
    assert wheel.name == f"{name}-py3-none-any.whl"
    contents = set(zipfile.ZipFile(wheel).namelist())
    assert {path.partition("/")[0] for path in contents} == {"s2t2_live", "ui", f"{name}.dist-info"}
    assert {"s2t2_live/version.py", "s2t2_live/py.typed", "ui/__init__.py"} <= contents
    assets = (path.relative_to(ROOT).as_posix() for path in (ROOT / "assets").rglob("*") if path.is_file())
    assert {f"s2t2_live/{path}" for path in assets if not path.endswith(".part")} <= contents
    assert not [path for path in contents if path.endswith((".pyc", ".part"))]


def test_wheel_installs_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [path for path in archive.namelist() if path.endswith("entry_points.txt")]
        assert archive.read(path).decode() == "[console_scripts]\ns2t2-live = s2t2_live.cli:command\n"


def test_unpacked_wheel_finds_its_assets_in_itself(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import sys; sys.path.insert(0, '.'); from s2t2_live.assets import asset; print(asset('phrase_book'))"
    command = [sys.executable, "-P", "-c", code]
    found = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    assert Path(found) == tmp_path / "s2t2_live" / "assets" / "phrase_book"


def system_packages(folder: Path, *wanted: str, installed: str | None) -> str:
    """What set-up says of packages it misses, on a system without apt-get; `installed` is what dpkg-query prints."""
    for program in ("sed", "tr", "grep", "cat"):
        (folder / program).symlink_to(str(shutil.which(program)))
    if installed is not None:
        (folder / "installed").write_text(installed, encoding="utf-8")
        (folder / "dpkg-query").write_text(f'#!/bin/bash\ncat "{folder}/installed"\n', encoding="utf-8")
        (folder / "dpkg-query").chmod(0o755)
    run = subprocess.run(
        ["/bin/bash", str(ROOT / "scripts" / "system-packages"), *wanted],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == ""
    return run.stderr


def test_a_package_that_another_one_provides_is_there(tmp_path: Path) -> None:
    said = system_packages(
        tmp_path,
        "libglib2.0-0",
        "libegl1",
        installed="installed libglib2.0-0t64, libglib2.0-0 (= 2.84.4)\ninstalled libegl1, \n",
    )
    assert said == ""


def test_where_there_is_no_dpkg_no_packages_are_asked_for(tmp_path: Path) -> None:
    assert system_packages(tmp_path, "libegl1", installed=None) == ""


def test_set_up_says_what_to_type_where_it_cannot_install(tmp_path: Path) -> None:
    said = system_packages(tmp_path, "no-such-package", installed="config-files no-such-package, \n")
    assert said == ("setup: going on without no-such-package; to have them: sudo apt-get install -y no-such-package\n")


def script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/bash", *lines, "")), encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_an_environment_is_made_anew_for_another_python_that_is_named(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "scripts/setup"):
        shutil.copy2(ROOT / name, checkout / name)
    script(checkout / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    script(checkout / ".venv" / ".ready-dev")
    # It has no module venv, so nothing is really made.
    other = script(tmp_path / "other", 'case "$*" in *venv*) echo "$@"; exit 1;; esac', "echo another version")

    def planned(*named: str) -> bool:
        """Whether set-up would run."""
        command = ["make", "--dry-run", "check", *named]
        run = subprocess.run(command, cwd=checkout, env=unnamed, check=True, capture_output=True, text=True)
        return "scripts/setup dev" in run.stdout

    unnamed = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")}
    assert not planned()
    assert not planned(f"PYTHON={sys.executable}")
    assert planned(f"PYTHON={other}")
    run = subprocess.run(
        [checkout / "scripts" / "setup", "dev"],
        env={**unnamed, "PYTHON": str(other)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "-m venv --clear .venv" in run.stdout
    assert "other cannot make a virtual environment" in run.stderr
