"""The fault tests run on the same kind of stack as the integration tests: `make test-long`."""

from tests.integration.conftest import stack, stream

__all__ = ["stack", "stream"]
