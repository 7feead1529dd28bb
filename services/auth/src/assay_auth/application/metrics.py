"""What the use cases count."""

from typing import Final

from prometheus_client import Counter, Gauge

MAILS: Final = Counter("auth_mails", "Mails by what became of a try to send them.", ["outcome"])
MAILS_WAITING: Final = Gauge("auth_mails_waiting", "Mails that are not sent yet.")
MAIL_OLDEST_SECONDS: Final = Gauge("auth_mail_oldest_seconds", "Age of the oldest mail that is not sent yet.")
SIGNING_UNTIL: Final = Gauge(
    "auth_signing_until_timestamp_seconds", "Until when the keys sign that are published, in seconds since the epoch."
)
SEALS_BROKEN: Final = Counter("auth_seals_broken", "Stored secrets that opened with none of the installation's keys.")

for _outcome in ("sent", "refused", "postponed", "given_up"):
    MAILS.labels(_outcome)
