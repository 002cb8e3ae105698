"""What every answer of the dashboard tells the browser to refuse."""

from collections.abc import Sequence

from flask import Flask, Response, request

# Nothing from any other host, no inline script but Dash's own by its hash. Plotly and Dash set inline styles.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# Programs without any figure in them; everything else is never kept by a browser.
KEPT = ("/_dash-component-suites/", "/assets/")


def policy(script_hashes: Sequence[str]) -> str:
    """The Content-Security-Policy, with the inline scripts of these hashes let in."""
    rules = POLICY | {"script-src": " ".join((POLICY["script-src"], *script_hashes))}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def protect(server: Flask, script_hashes: Sequence[str], *, https: bool) -> None:
    """Add the headers to every answer, errors too."""
    headers = HEADERS | {"Content-Security-Policy": policy(script_hashes)}
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000"

    @server.after_request
    def add(response: Response) -> Response:
        response.headers.update(headers)
        if not (response.status_code == 200 and request.path.startswith(KEPT)):
            response.headers["Cache-Control"] = "no-store"
        return response
