"""The dashboard: published figures and the stream's health, behind a login.

`python -m dashboard.app` runs it under gunicorn.
"""

import os
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from urllib.parse import urlsplit

from dash import Dash, Input, Output, html
from dash.development.base_component import Component
from flask import Flask

from dashboard import headers, login
from dashboard.components.shell import INDEX, shell
from dashboard.data import Source
from dashboard.pages import ages, overview, stream
from dashboard.sessions import Sessions, Throttle
from lethe.settings import DashboardSettings, secret

HERE = Path(__file__).parent
PAGES: dict[str, ModuleType] = {page.PATH: page for page in (overview, ages, stream)}


def create_app(source: Source, settings: DashboardSettings | None = None) -> Dash:
    """The app over one source. Raises ConfigurationError when a credential of it is missing."""
    settings = settings or DashboardSettings()
    os.environ["DASH_DISABLE_VERSION_CHECK"] = "true"  # Dash asks its makers for a newer version otherwise
    server = Flask("dashboard", template_folder=str(HERE / "templates"), static_folder=None)
    _install_login(server, settings)
    app = Dash(
        "dashboard",
        server=cast(Any, server),  # its annotation knows no Flask
        title="Lethe",
        update_title="",
        index_string=INDEX,
        assets_folder=str(HERE / "assets"),
        serve_locally=True,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    names = {path: page.NAME for path, page in PAGES.items()}
    # First everything that callbacks name: Dash would call the layout for that, outside of any request.
    everything = [shell(names, token=""), *(page.layout() for page in PAGES.values())]
    app.validation_layout = html.Div(everything)  # type: ignore[assignment]
    app.layout = lambda: shell(names, login.form_token())
    _route(app)
    for page in PAGES.values():
        page.register(app, source)
    headers.protect(server, app.csp_hashes(), https=urlsplit(settings.url).scheme == "https")
    return app


def _install_login(server: Flask, settings: DashboardSettings) -> None:
    gate = login.Gate(
        secret("dashboard-login"),
        frozenset(PAGES),
        Sessions(idle=settings.idle_minutes * 60, absolute=settings.session_hours * 3600),
        Throttle(),
    )
    login.install(server, gate, secret("dashboard-session"), settings)


def _route(app: Dash) -> None:
    @app.callback(Output("page", "children"), Input("location", "pathname"))
    def show(path: object) -> Component:
        page = PAGES.get(path, overview) if isinstance(path, str) else overview
        layout: Component = page.layout()
        return layout


if __name__ == "__main__":
    from dashboard.serve import main

    main()
