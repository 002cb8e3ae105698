"""`lethe publish`: keep the published figures up to date (the supervisor's program `publisher`)."""

from typing import Annotated

import typer


def publish(
    once: Annotated[bool, typer.Option("--once", help="Publish one time and end.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between publications.")] = 5.0,
) -> None:
    """Publish figures that are about no fewer people than the register's smallest group, until told to stop."""
    import signal

    from pymongo.errors import PyMongoError

    from lethe import jsonlog
    from lethe.errors import StoreError
    from lethe.governance.publisher import Publisher
    from lethe.register.load import load
    from lethe.stores import mongodb

    jsonlog.configure("publisher")
    with mongodb.connect("publisher") as client:
        publisher = Publisher(client, mongodb.database(client), load().smallest_group)
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: publisher.stop())
            publisher.run(interval)
            return
        try:
            publisher.publish_once()
        except PyMongoError as error:
            raise StoreError(
                f"mongodb: nothing published ({type(error).__name__}); is it up? See `lethe status`"
            ) from error
