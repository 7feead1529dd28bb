"""The organisation that a transaction is for, and what of it a caller may touch."""

from uuid import UUID

from assay_common.identity import Principal
from assay_common.postgres.unit_of_work import TenantTransaction


def org_of(tx: TenantTransaction) -> UUID:
    """The organisation; raises RuntimeError in a system transaction, in which nothing of an organisation is written."""
    if tx.org_id is None:
        raise RuntimeError("this needs a transaction of one organisation")
    return tx.org_id


def limited_to(caller: Principal) -> list[str] | None:
    """Ids and names of the only repositories that the caller may touch, for a query; None = all."""
    return None if caller.repositories is None else list(caller.repositories)
