"""Contracts of Assay: messages, services, events and topics."""
