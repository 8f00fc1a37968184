"""The site of the tests: its Python is every user's, its users' homes are their own."""

from __future__ import annotations

import subprocess

AS = ("setpriv", "--init-groups", "--reuid")


def test_another_user_runs_the_runner(site_python, site_users):
    one, other = site_users
    code = "import portal.runner.execute, bokeh"
    done = subprocess.run(
        [*AS, one, "--regid", one, site_python, "-c", code],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = subprocess.run(
        [*AS, other, "--regid", other, "ls", _home(one)], capture_output=True, check=False
    )
    assert b"Permission denied" in seen.stderr


def _home(user: str) -> str:
    import pwd

    return pwd.getpwnam(user).pw_dir
