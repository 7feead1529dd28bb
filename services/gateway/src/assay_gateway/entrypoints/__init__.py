"""Where the gateway is called: HTTP, WebSocket, and the events of every service."""
