"""Make the environment of a run at a site: from the index by uv or pip, or uploaded from here.

It lies at ``env/<Python>-<machine>-<hash of the lock>`` below the workspace. How it is built there,
once for all who ask, is in :mod:`portal.drivers.compute._provision_site`, whose text is sent to the
site. Portal itself is not on an index: its files are always sent.
"""

from __future__ import annotations

import json
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from portal.core.environment import CHECKED, Environment
from portal.core.needed import PORTAL
from portal.drivers.compute._detached import under
from portal.drivers.compute._pack import Package
from portal.drivers.compute._provision_site import Question
from portal.drivers.compute._transport import Completed, Transport
from portal.errors import EnvironmentMismatch, InvalidConfig, PortalError, Unavailable

How = Literal["auto", "index", "upload"]

ENVIRONMENTS: Final = "env"
_ATTEMPTS: Final = 5
_POLL_SECONDS: Final = 0.2
_SLOWEST_POLL: Final = 2.0
_PYTHON_SECONDS: Final = 900.0
_PACKERS: Final = 2

_FIND: Final = """
for c in uv "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv"; do
    p=$(command -v "$c" 2>/dev/null) && { printf 'uv\\t%s\\n' "$p"; break; }
done
managed=${1:+$HOME/.pyenv/versions/$1.}; shift
for c in "$@" "${managed:-/nowhere/}"*/bin/python; do
    p=$(command -v "$c" 2>/dev/null) && "$p" -I -c 'import os, sys, sysconfig
print("python", "%d.%d.%d" % sys.version_info[:3], sysconfig.get_platform(), os.uname().machine,
      getattr(sys, "_base_executable", sys.executable), sep="\\t")' 2>/dev/null
done
true
"""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """A machine at which environments are made.

    Parameters
    ----------
    root
        Directory, there, below which they lie.
    how
        "index": installed there by uv, else pip; "upload": packed and sent; "auto": the first, and
        where that fails the second.
    base_python
        Path, there, of the Python to build upon; found when not given.
    setup
        Shell lines to be run before.
    lease, patience
        Seconds after which a build without a sign of life is taken for dead, and for which one
        waits for packages of which nothing arrives.
    """

    transport: Transport
    root: str
    how: How = "auto"
    base_python: str | None = None
    setup: str = ""
    lease: float = 30.0
    patience: float = 120.0

    def __post_init__(self) -> None:
        require_way(self.how)

    @property
    def directory(self) -> str:
        """Where environments lie."""
        return f"{self.root.rstrip('/')}/{ENVIRONMENTS}"

    def shell(self, script: str, *arguments: str, **more: Any) -> Completed:
        """Run a script of ``sh`` there, after the setup lines."""
        return self.transport.run(
            under(self.setup, ["sh", "-c", script, "portal", *arguments]), **more
        )

    def find(self, minor: str) -> Found:
        """Look for uv, and for a Python to build upon.

        Raises
        ------
        Unavailable, Denied
            The site was not reached.
        """
        usual = (f"{place}python{minor}" for place in ("", "/usr/bin/", "/usr/local/bin/"))
        wanted = (self.base_python,) if self.base_python else (*usual, "python3", "python")
        done = self.shell(_FIND, "" if self.base_python else minor, *wanted)
        uv, pythons = "", []
        for line in done.stdout.splitlines():
            match line.split("\t"):
                case ["uv", path]:
                    uv = path
                case ["python", version, platform, machine, path]:
                    pythons.append((version, Found(path, version, platform, machine)))
        seen = dict.fromkeys(f"Python {version} ({one.python})" for version, one in pythons)
        fitting = (one for version, one in pythons if version.startswith(f"{minor}."))
        return replace(next(fitting, Found()), uv=uv, seen=tuple(seen))


def require_way(how: str) -> None:
    """Refuse a way to make environments that there is not.

    Raises
    ------
    InvalidConfig
        The ways are named.
    """
    if how not in get_args(How):
        raise InvalidConfig(
            "The option 'provision' is one of three words",
            found=repr(how),
            advice=f"Write one of: {', '.join(get_args(How))}.",
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a site has: a Python of the wanted minor, and uv; empty for what it lacks.

    Parameters
    ----------
    version, platform, machine
        Of that Python, as ``sysconfig`` and ``uname`` name them.
    seen
        Every Python that was found, in words.
    """

    python: str = ""
    version: str = ""
    platform: str = ""
    machine: str = ""
    uv: str = ""
    seen: tuple[str, ...] = ()


def provision(
    site: Provisioning, environment: Environment, tell: Callable[[str], None] | None = None
) -> str:
    """Make the environment of a lock at a site, where there is none; return its Python's path.

    Raises
    ------
    EnvironmentMismatch
        There is no Python of the wanted minor to build upon, or the lock names what is to be taken
        from here and is not here.
    Unavailable, Denied
        The site was not reached, or it could not be made.
    """
    known = ready(site, environment)
    if known:
        return known
    builder = _Builder(site, environment, tell or (lambda _: None))
    return builder.build()


def ready(site: Provisioning, environment: Environment) -> str:
    """Return the Python of an environment that has been made; empty where there is none."""
    script = 'p="$1-$(uname -m)-$2/bin/python"; test -x "$p" && printf "%s" "$p"'
    start, end = f"{site.directory}/{environment.python}", environment.lock_hash[:16]
    plain = replace(site, setup="")
    return plain.shell(script, start, end).stdout


class _Builder:
    def __init__(
        self, site: Provisioning, environment: Environment, tell: Callable[[str], None]
    ) -> None:
        self.site, self.environment, self.tell = site, environment, tell
        self.name = site.transport.name
        self.packages = [Package.of(line) for line in environment.lock]

    def build(self) -> str:
        """Build it in the ways that are allowed, one after the other."""
        self.tell(
            f"making the environment of the run at {self.name}, once for all runs that need it"
        )
        found, packages = self._base(), self.packages
        alike = found.platform == sysconfig.get_platform()
        ways = {"auto": ("index", "upload"), "index": ("index",), "upload": ("upload",)}
        faults = []
        for way in ways[self.site.how]:
            if way == "upload" and not alike:
                faults.append(f"upload: {found.platform} there, {sysconfig.get_platform()} here")
                continue
            sent = [p for p in packages if way == "upload" or not p.installable(found.version)]
            if len(sent) < len(packages):
                count, tool = len(packages) - len(sent), "uv" if found.uv else "pip"
                self.tell(
                    f"{count} packages come from the index that {self.name} reaches, by {tool}"
                )
            question = self._question(found, sent)
            try:
                self._run(found.python, question, sent)
            except _BuildFailed as error:
                faults.append(f"{way}: {error}")
                self.tell(f"by {way} it could not be made: {str(error).splitlines()[-1]}")
                continue
            python = ready(self.site, self.environment)
            if python:
                return python
            faults.append(f"{way}: it is not where it was made")
        raise Unavailable(
            f"The environment of the run could not be made at {self.name}",
            found="; ".join(faults),
            advice='Name a Python that is there (`python = "…"`), or mend what is said here; '
            "`portal doctor` says what the site has.",
        )

    def _base(self) -> Found:
        minor = self.environment.python
        found = self.site.find(minor)
        if not found.python and found.uv and not self.site.base_python:
            self.tell(f"uv gets a Python {minor}")
            script = '"$1" python install -q "$2" >&2 && "$1" python find "$2"'
            done = self.site.shell(script, found.uv, minor, timeout=_PYTHON_SECONDS)
            path = done.stdout.strip().rpartition("\n")[2]
            if done.code == 0 and path:
                found = replace(self.site, base_python=path).find(minor)
        if not found.python:
            raise EnvironmentMismatch(
                f"There is no Python {minor} at {self.name} to build upon",
                found=", ".join(found.seen) or "no Python",
                advice=f"Name one by `base_python`, load one in `setup`, install uv there, or run "
                f"Portal here in a Python that {self.name} has.",
            )
        return found

    def _question(self, found: Found, sent: Sequence[Package]) -> Question:
        taken = {p.line for p in sent}
        names = [line.partition("==")[0] for line in self.environment.lock]
        checked = [name for name in names if name in CHECKED]
        return Question(
            directory=self.site.directory,
            name=f"{self.environment.python}-{found.machine}-{self.environment.lock_hash[:16]}",
            lease=self.site.lease,
            patience=self.site.patience,
            uv=found.uv,
            lock=self.environment.lock,
            index=tuple(p.line for p in self.packages if p.line not in taken),
            parts=tuple(p.file for p in sent),
            imports=(*checked, *(["portal.runner.execute"] if PORTAL in names else [])),
        )

    def _run(self, python: str, question: Question, sent: Sequence[Package]) -> None:
        """Begin a build, or wait for another's; take it over when its owner has died."""
        for _ in range(_ATTEMPTS):
            told = self._ask(python, replace(question, build=True))
            own = told.get("own", False)
            if own:
                self._send(sent)
            look = replace(question, lock=(), index=(), parts=())
            told = self._follow(python, look, told)
            if told["state"] == "ready":
                return
            if told["state"] == "failed" and own:
                raise _BuildFailed(told["message"])
        raise _BuildFailed(f"{_ATTEMPTS} builds have come to no end")

    def _follow(self, python: str, question: Question, told: dict[str, Any]) -> dict[str, Any]:
        """Wait for a build to end; bring what it waits for when who began it does not."""
        said, since, begun = "", 0.0, time.monotonic()
        while told["state"] == "building":
            if told["message"] != said:
                said, since = told["message"], time.monotonic()
                self.tell(said)
            elif told.get("missing") and time.monotonic() - since > self.site.lease / 3:
                self._send([p for p in self.packages if p.file in told["missing"]])
                since = time.monotonic()
            time.sleep(min(_SLOWEST_POLL, _POLL_SECONDS + (time.monotonic() - begun) / 20))
            told = self._ask(python, question)
        return told

    def _ask(self, python: str, question: Question) -> dict[str, Any]:
        text = Path(__file__).with_name("_provision_site.py").read_bytes()
        script, asked = 'exec "$1" -I - "$2"', json.dumps(asdict(question))
        done = self.site.shell(script, python, asked, stdin=text)
        try:
            told: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
        except ValueError:
            raise Unavailable(
                f"The environment of the run cannot be made at {self.name}",
                found=(done.stderr or done.stdout).strip().rpartition("\n")[2]
                or f"code {done.code}",
                advice=f"See that {python} works there, and that {question.directory} can be written.",
            ) from None
        return told

    def _send(self, sent: Iterable[Package]) -> None:
        """Send the packages that are not there yet, each whole or not at all."""
        try:
            self._put(sent)
        except OSError as error:
            raise Unavailable(
                f"The packages of the run could not be sent to {self.name}",
                found=str(error),
                advice="Make room there, or see why the connection broke; then ask again.",
            ) from error

    def _put(self, sent: Iterable[Package]) -> None:
        fs, parts = self.site.transport.fs, f"{self.site.directory}/.parts"
        there = {str(path).rpartition("/")[2] for path in fs.ls(parts, detail=False)}
        missing = [p for p in sent if p.file not in there]
        with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(_PACKERS) as pool:
            total = 0

            def pack(package: Package) -> Path:
                path = Path(scratch, package.file)
                package.pack(path)
                return path

            for count, path in enumerate(pool.map(pack, missing), 1):
                part = f"{parts}/{path.name}.{uuid.uuid4().hex}.part"
                fs.put_file(str(path), part)
                fs.mv(part, f"{parts}/{path.name}")
                total += path.stat().st_size
                path.unlink()
                if count % 20 == 0 or count == len(missing):
                    self.tell(f"sent {count} of {len(missing)} packages, {total / 1e6:.1f} MB")


class _BuildFailed(PortalError):
    """A build ended without an environment, for the reason that is told."""
