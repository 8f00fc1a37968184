"""The command line: ``portal search``, ``open``, ``run``, ``runs``, ``view``, ``publish`` and more."""

from __future__ import annotations


def main() -> None:
    """Run the ``portal`` command."""
    from portal.ui.cli.commands import app

    app()
