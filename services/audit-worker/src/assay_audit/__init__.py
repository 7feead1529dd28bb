"""The audit-worker service of Assay: repositories and their audits."""

import os

# gRPC's core runs handlers of its own in every process that is forked, and there they crash (SIGSEGV) when the server
# is busy: git and the engines would die before they begin. What is forked here becomes another program at once and has
# no use for gRPC. The variable is read when gRPC is first imported, hence this place: nothing is imported before.
# https://github.com/grpc/grpc/blob/master/doc/fork_support.md
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
