"""The organisation that a transaction is for."""

from uuid import UUID

from assay_common.postgres.unit_of_work import TenantTransaction


def org_of(tx: TenantTransaction) -> UUID:
    """The organisation; raises RuntimeError in a system transaction, in which nothing of an organisation is written."""
    if tx.org_id is None:
        raise RuntimeError("this needs a transaction of one organisation")
    return tx.org_id
