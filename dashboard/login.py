"""One user, `lethe`, and a login that every request needs, also those for data and programs.

Against requests forged by other sites: the cookie goes to no request that another site makes (SameSite=Strict), and
both forms carry a token that is bound to the session.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, abort, make_response, redirect, render_template, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from dashboard.sessions import Sessions, Throttle
from lethe.settings import DashboardSettings

USER = "lethe"
LOGIN, LOGOUT = "/login", "/logout"
OPEN_PATHS = frozenset({LOGIN, "/assets/lethe.css", "/assets/icon.svg"})
TOKEN = "form_token"  # noqa: S105 - the field's name


class User(UserMixin):  # type: ignore[misc]
    """Whoever is logged in; known by their session."""

    def __init__(self, session_id: str) -> None:
        self.id = session_id


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in whoever knows the password. `pages`: where a login may lead to."""

    password: str
    pages: frozenset[str]
    sessions: Sessions
    throttle: Throttle

    def guard(self) -> AnyResponse | None:
        """Before every request: nothing without a login but the login page itself."""
        if request.path in OPEN_PATHS or current_user.is_authenticated:
            return None
        if request.method == "GET" and request.path in self.pages:
            return redirect(f"{LOGIN}?next={request.path}")
        return Response("log in first\n", 401, mimetype="text/plain")

    def show(self) -> AnyResponse | str:
        """The login page."""
        if current_user.is_authenticated:
            return redirect(self._next(request.args.get("next")))
        return self._page()

    def enter(self) -> AnyResponse:
        """Take the login form."""
        if not _token_is_right():
            return self._refused("The page was too old. Please try again.", 400)
        if wait := self.throttle.wait():
            seconds = int(wait) + 1
            response = self._refused(f"Too many wrong passwords. Please wait {seconds} seconds.", 429)
            response.headers["Retry-After"] = str(seconds)
            return response
        if not self._knows(request.form.get("user", ""), request.form.get("password", "")):
            self.throttle.failed()
            return self._refused("User name or password is wrong.", 401)
        self.throttle.succeeded()
        session.clear()
        login_user(User(self.sessions.open()))
        return redirect(self._next(request.form.get("next")))

    def leave(self) -> AnyResponse:
        """Take the logout form."""
        if not _token_is_right():
            abort(400)
        self.sessions.close(current_user.id)
        logout_user()
        session.clear()
        return redirect(LOGIN)

    def load(self, session_id: str) -> User | None:
        """The user of a session that lives."""
        return User(session_id) if self.sessions.touch(session_id) else None

    def _knows(self, user: str, password: str) -> bool:
        """Compared by digest, both parts always: the time taken tells neither which is wrong nor how much of it."""
        right = hmac.compare_digest(_digest(user), _digest(USER))
        return hmac.compare_digest(_digest(password), _digest(self.password)) and right

    def _next(self, asked: str | None) -> str:
        return asked if asked in self.pages else "/"

    def _page(self, problem: str = "") -> str:
        following = self._next(request.values.get("next"))
        return render_template("login.html", token=form_token(), problem=problem, next=following)

    def _refused(self, problem: str, status: int) -> AnyResponse:
        return make_response(self._page(problem), status)


def form_token() -> str:
    """What a form must send back, bound to the session."""
    if TOKEN not in session:
        session[TOKEN] = secrets.token_urlsafe(32)
    return str(session[TOKEN])


def _token_is_right() -> bool:
    return hmac.compare_digest(_digest(request.form.get(TOKEN, "")), _digest(form_token()))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def install(server: Flask, gate: Gate, signing_key: str, settings: DashboardSettings) -> None:
    """Put the gate before every route of the server."""
    url = urlsplit(settings.url)
    https = url.scheme == "https"
    server.config.update(
        SECRET_KEY=signing_key,
        # Browsers keep cookies by host, not by port: two dashboards of one machine need two names.
        SESSION_COOKIE_NAME="__Host-lethe" if https else f"lethe-{url.port or 80}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=https,
        # A page of another name that resolves to this address is not answered.
        TRUSTED_HOSTS=sorted({url.hostname or "", "127.0.0.1", "localhost"} - {""}),
        MAX_CONTENT_LENGTH=1_000_000,
    )
    manager = LoginManager(server)
    manager.session_protection = None  # it would log out a laptop that changes its network
    manager.user_loader(gate.load)
    server.before_request(gate.guard)
    server.add_url_rule(LOGIN, "login", gate.show, methods=["GET"])
    server.add_url_rule(LOGIN, "enter", gate.enter, methods=["POST"])
    server.add_url_rule(LOGOUT, "leave", gate.leave, methods=["POST"])
