"""The dashboard's process: gunicorn with one worker, since who is logged in is known by one process only."""

import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from dashboard.app import create_app
from dashboard.data import Source
from lethe import jsonlog
from lethe.errors import LetheError
from lethe.settings import DashboardSettings, Ports, secret
from lethe.stores import mongodb

THREADS = 8
NEEDED = ("mongo-dashboard", "dashboard-login", "dashboard-session")


class JsonLogger(Logger):  # type: ignore[misc]
    """gunicorn's own log as JSON lines; requests are not logged."""

    def setup(self, cfg: Any) -> None:
        """Hand everything to the root logger."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Service(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured here and by nothing else."""

    def load_config(self) -> None:
        """One worker with threads, on one address."""
        settings = {
            "bind": f"{DashboardSettings().host}:{Ports()['dashboard']}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "proc_name": "lethe-dashboard",
            "logger_class": JsonLogger,
            "control_socket_disable": True,  # nobody needs one, and it would lie in the user's home
            "limit_request_line": 2048,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The app, made in the worker: a MongoDB client does not survive a fork."""
        server: Flask = create_app(Source(mongodb.database(mongodb.connect("dashboard")))).server
        return server


def main() -> None:
    """Run until told to stop."""
    jsonlog.configure("dashboard")
    try:
        for name in NEEDED:
            secret(name)
    except LetheError as error:
        sys.exit(f"dashboard: {error}")
    Service().run()
