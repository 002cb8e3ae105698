"""What stands around every page: name, ways to the pages, the way out."""

from collections.abc import Mapping

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.blocks import labelled
from dashboard.login import LOGOUT, TOKEN

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


def shell(pages: Mapping[str, str], token: str) -> Component:
    """The frame; `pages`: path -> name; `token`: what the way out sends back."""
    ways = [dcc.Link(name, href=path, id={"way": path}) for path, name in pages.items()]
    return html.Div(
        [
            dcc.Location(id="location"),
            html.Div("The dashboard does not answer. Trying again…", id="lost", role="alert"),
            html.Header(
                [
                    html.Div([html.Img(src="/assets/icon.svg", alt=""), "Lethe"], className="brand"),
                    html.Nav(ways, **labelled("Pages")),
                    _way_out(token),
                ]
            ),
            html.Main(id="page"),
        ]
    )


def _way_out(token: str) -> Component:
    proof = dcc.Input(type="hidden", name=TOKEN, value=token)
    leave = html.Button("Sign out", type="submit", id="leave")
    return html.Form([proof, leave], action=LOGOUT, method="POST")
