from datetime import timedelta
from uuid import RFC_4122, UUID

from assay_common.clock import utc_now
from assay_common.ids import new_id


def test_ids_are_standard_uuids_of_version_7_in_the_order_they_were_made():
    made = [new_id() for _ in range(1000)]
    assert all(type(each) is UUID and each.version == 7 and each.variant == RFC_4122 for each in made)
    assert made == sorted(set(made))


def test_the_time_is_aware_and_in_utc():
    assert utc_now().utcoffset() == timedelta(0)
