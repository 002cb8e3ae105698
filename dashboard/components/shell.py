"""What stands around every page: name, ways to the pages, the way out."""

from collections.abc import Mapping

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.blocks import labelled
from dashboard.login import LOGOUT, TOKEN, form_token

INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <meta name="color-scheme" content="light dark">
        <title>{%title%}</title>
        <link rel="icon" href="/assets/icon.svg">
        {%css%}
    </head>
    <body>
        {%app_entry%}
        <footer>
            {%config%}
            {%scripts%}
            {%renderer%}
        </footer>
    </body>
</html>"""


def shell(pages: Mapping[str, str]) -> Component:
    """The frame; `pages`: path -> name."""
    ways = [dcc.Link(name, href=path, id={"way": path}) for path, name in pages.items()]
    return html.Div(
        [
            dcc.Location(id="location"),
            html.Header(
                [
                    html.Div([html.Img(src="/assets/icon.svg", alt=""), "Lethe"], className="brand"),
                    html.Nav(ways, **labelled("Pages")),
                    _way_out(),
                ]
            ),
            html.Main(id="page"),
        ]
    )


def _way_out() -> Component:
    token = dcc.Input(type="hidden", name=TOKEN, value=form_token())
    leave = html.Button("Sign out", type="submit", id="leave")
    return html.Form([token, leave], action=LOGOUT, method="POST")
