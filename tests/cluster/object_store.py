"""An S3 server on this machine, for pods."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
from tests.cluster.kube import eventually

from assay_local.ports import free_port

BUCKET = "bundles"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "assay", "AWS_SECRET_ACCESS_KEY": "assay-secret"}


@contextmanager
def object_store(host: str) -> Iterator[dict[str, Any]]:
    """The chart's value `objectStore` for a bucket at this address; the Secret with CREDENTIALS is `object-store`."""
    port = free_port(avoid=set(), host=host)
    url = f"http://{host}:{port}"
    program = [sys.executable, "-m", "moto.server", "--host", host, "--port", str(port)]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually("the S3 server answers", lambda: _answers(url), bool, 30)
        names = {"aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
        keys = {name: CREDENTIALS[key] for name, key in names.items()}
        boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket=BUCKET)
        yield {
            "url": f"s3://{BUCKET}",
            "env": {"AWS_ENDPOINT": url, "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"},
            "existingSecret": "object-store",
            "port": port,
        }
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code < 500
    except httpx.TransportError:
        return False
