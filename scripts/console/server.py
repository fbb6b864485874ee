"""The server of the console: when it ends, streams are told before they are cut."""

from __future__ import annotations

import socket

import uvicorn

from scripts.console.access import AccessCheck

# Streams are open as long as a page is.
GRACE_SECONDS = 2


class Server(uvicorn.Server):
    """Serves the console; its streams end by themselves when it is told to end."""

    def __init__(self, app: AccessCheck) -> None:
        """Serve `app`, as `scripts.console.app` makes it."""
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                ws="none",
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: first what streams, then everything."""
        self._app.end_streams()
        await super().shutdown(sockets)
