"""After a database was restored to a point in the past: bring Kafka and the tables together again.

`docs/operations/backup.md` says when which of it is run.
"""
