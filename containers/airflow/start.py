"""Airflow's containers: what is secret goes to files that this container alone sees, then Airflow takes over.

`start.py COMPONENT`. Everything that is not secret is in docker-compose.yaml, as AIRFLOW__… variables.
"""

import io
import json
import os
import sys
from configparser import ConfigParser
from pathlib import Path

from sqlalchemy import make_url

from lethe.errors import LetheError
from lethe.settings import Paths, secret
from lethe.stack import airflow
from lethe.stack.private_files import private_folder, replace
from lethe.stack.provision.container_credentials import AIRFLOW_DATABASE

API_SERVER, SCHEDULER = "api-server", "scheduler"
COMMANDS = {
    "migrate": ["db", "migrate"],
    API_SERVER: ["api-server"],
    SCHEDULER: ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
# What a component signs or encrypts with, by section and option.
FERNET = {("core", "fernet_key"): "airflow-fernet"}
TOKENS = {("api_auth", "jwt_secret"): "airflow-jwt"}
SIGNING = {
    "migrate": {},
    API_SERVER: FERNET | TOKENS | {("api", "secret_key"): "airflow-secret"},
    SCHEDULER: FERNET | TOKENS,
    "dag-processor": FERNET,
    "triggerer": FERNET,
}
# psycopg speaks both ways; left alone, Airflow wants another driver for the second.
DATABASE = (("database", "sql_alchemy_conn"), ("database", "sql_alchemy_conn_async"))


def configuration(component: str, paths: Paths) -> str:
    """The secret part of `airflow.cfg`; AIRFLOW_DATABASE_URL names the database without its password."""
    url = make_url(os.environ["AIRFLOW_DATABASE_URL"]).set(password=secret(AIRFLOW_DATABASE, paths))
    options = dict.fromkeys(DATABASE, url.render_as_string(hide_password=False))
    options |= {option: secret(name, paths) for option, name in SIGNING[component].items()}
    parser = ConfigParser(interpolation=None)
    for (section, name), value in options.items():
        if not parser.has_section(section):
            parser.add_section(section)
        parser[section][name] = value.replace("%", "%%")
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def prepare(component: str, paths: Paths) -> None:
    """Write what one component needs, in files of mode 600."""
    folder = private_folder(airflow.home(paths))
    replace(folder / "airflow.cfg", configuration(component, paths))
    if component == API_SERVER:
        passwords = {user: secret(f"airflow-{user}", paths) for user in airflow.USERS}
        replace(folder / "passwords.json", json.dumps(passwords))
    if component == SCHEDULER:  # its tasks reach the stores
        replace(folder / "connections.json", json.dumps(airflow.connections(paths)))


def main(component: str) -> None:
    """Become the component; returns never."""
    os.umask(0o077)
    try:
        prepare(component, Paths())
    except LetheError as error:
        sys.exit(f"airflow {component}: {error}")
    program = Path(sys.executable).with_name("airflow")
    os.execv(program, [str(program), *COMMANDS[component]])  # noqa: S606 - becomes Airflow


if __name__ == "__main__":
    main(sys.argv[1])
