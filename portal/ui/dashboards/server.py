"""Serve a directory of notebooks as Voilà pages, behind a Jupyter server's token.

Voilà's own server asks nobody who they are; a Jupyter server with Voilà as its extension does. It
listens on this machine alone, loads no other extension and no configuration of the user's other
servers, and shows neither sources nor files. The arguments are those of ``jupyter server``.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import JupyterServerAuthWarning, url_path_join
from traitlets.config import Config

from portal.ui.server.doors import ROUTE as DOORS
from portal.ui.server.doors import DoorHandler
from portal.ui.server.promptness import be_prompt

#: Voilà bundles the modules of JupyterLab 4.2: other extensions fail beside them. Without the first
#: no widget is rendered.
EXTENSIONS = (
    "@voila-dashboards/widgets-manager8",
    "@jupyter-widgets/jupyterlab-manager",
    "anywidget",
)
#: Seconds after which the kernel of a page that has vanished is ended.
IDLE = 600


class DashboardsServer(ServerApp):
    """A Jupyter server of dashboards alone, with a configuration file name of its own."""

    name = "portal-dashboards"
    description = "Serve a directory of notebooks as Voilà pages, behind a token."
    examples = "python -m portal.ui.dashboards notebooks/dashboards --no-browser"

    def init_webapp(self) -> None:
        """Open on the page itself where there is one, else on the list of them."""
        pages = sorted(path.name for path in Path(self.root_dir).glob("*.ipynb"))
        self.default_url = f"/voila/render/{pages[0]}" if len(pages) == 1 else "/voila/tree"
        super().init_webapp()
        route = url_path_join(self.base_url, DOORS)
        self.web_app.add_handlers(".*$", [(route, DoorHandler)])  # type: ignore[no-untyped-call]


def let_page_end_kernel(handler: JupyterHandler, **_: object) -> None:
    """Give a page the cookie without which it may not end its kernel when it is closed."""
    handler.xsrf_token  # noqa: B018 - tornado sets the cookie when the token is read


def without_widgets_where_no_kernel(
    page_config: dict[str, Any], *, notebook_path: str, **_: object
) -> dict[str, Any]:
    """Keep the widgets' extensions out of the list of pages: they fail without a kernel."""
    if not notebook_path.endswith(".ipynb"):
        page_config["federated_extensions"] = []
    return page_config


def configuration() -> Config:
    """Return what the server is set to; files and arguments come after it."""
    return Config(
        {
            "ServerApp": {
                "ip": "127.0.0.1",
                "open_browser": True,
                "jpserver_extensions": {"voila.server_extension": True},
                "allow_unauthenticated_access": False,
                # Voilà asks a CDN for its MathJax, unless it is told that there is none.
                "tornado_settings": {"mathjax_url": None, "mathjax_config": None},
            },
            "MappingKernelManager": {"cull_idle_timeout": IDLE, "cull_interval": IDLE // 10},
            "VoilaConfiguration": {
                "template": "portal",
                "theme": "auto",
                "strip_sources": True,
                "file_allowlist": [],
                "extension_allowlist": list(EXTENSIONS),
                "extension_denylist": [],
                "page_config_hook": without_widgets_where_no_kernel,
                "prelaunch_hook": let_page_end_kernel,
            },
        }
    )


def main(argv: list[str] | None = None) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    argv
        The directory, and options such as ``--port`` and ``--no-browser``.
    """
    # The scripts and styles of installed packages are public, and are served to anyone who asks.
    warnings.filterwarnings("ignore", category=JupyterServerAuthWarning)
    server = DashboardsServer.instance(config=configuration())
    server.initialize(argv, find_extensions=False)
    if not server.identity_provider.auth_enabled:
        sys.exit("The dashboards are not served without authentication: leave the token as it is.")
    be_prompt(server.web_app.settings)
    server.start()
