"""The repositories on PostgreSQL.

Queries name the organisation they mean although row-level security would see to it: a system transaction sees all.
"""
