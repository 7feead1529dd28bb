"""One module a group of commands: ask the gateway, show the answer."""
