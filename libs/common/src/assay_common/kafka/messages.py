"""A record's value as a protobuf message."""

from assay_protos.events import decode

__all__ = ["decode"]
