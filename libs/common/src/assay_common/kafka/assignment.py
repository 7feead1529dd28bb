"""Which member of a consumer group gets which partitions, so that few move when members come and go.

A partition that moves costs: the work that runs on it is cancelled and done again elsewhere. Rendezvous hashing gives
each partition a ranking of all members that does not depend on the others, and quotas keep the load even.
(Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998. aiokafka's own sticky assignor keeps
its state on the class, shared by all consumers of a process.)
"""

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


def share_out(topic: str, partitions: Collection[int], members: Collection[str]) -> dict[str, list[int]]:
    """Give each partition to the member it ranks first among those that may take more.

    The numbers of partitions of any two members differ by one at most. Depends on nothing but the arguments, so
    whoever leads the group decides the same.
    """
    shares: dict[str, list[int]] = {member: [] for member in members}
    if not members:
        return shares
    least, extra = divmod(len(partitions), len(members))
    for partition in sorted(partitions):
        may_take = [m for m in members if len(shares[m]) < least or (extra and len(shares[m]) == least)]
        chosen = max(may_take, key=lambda member: _rank(topic, partition, member))
        extra -= len(shares[chosen]) == least
        shares[chosen].append(partition)
    return shares


def _rank(topic: str, partition: int, member: str) -> bytes:
    return blake2b(f"{topic}\n{partition}\n{member}".encode(), digest_size=8).digest()


class RendezvousAssignor(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka is untyped
    """`share_out` as aiokafka wants it: each topic shared out among the members that subscribe to it."""

    name = "rendezvous"
    version = 0

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """The leader's decision for the whole group."""
        given: dict[str, list[tuple[str, list[int]]]] = {member: [] for member in members}
        for topic in sorted({topic for metadata in members.values() for topic in metadata.subscription}):
            subscribers = sorted(member for member, metadata in members.items() if topic in metadata.subscription)
            shares = share_out(topic, cluster.partitions_for_topic(topic) or (), subscribers)
            for member, partitions in shares.items():
                given[member].append((topic, partitions))
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, assignment, b"")
            for member, assignment in given.items()
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What a member tells when it joins: only what it subscribes to."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing is remembered from one assignment to the next."""
