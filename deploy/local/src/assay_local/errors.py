"""What can go wrong on a newcomer's machine, each with the words that put it right."""


class LaunchError(Exception):
    """Something could not be started; the message says what, why and what to do."""


class PortTaken(LaunchError):
    """Another program listens on a port that is needed."""


class DownloadFailed(LaunchError):
    """A component's files could not be fetched."""


class ProcessDied(LaunchError):
    """A process ended before it was healthy."""


class NotHealthy(LaunchError):
    """A process runs but did not become healthy in time."""
