from assay_common.tracing import context_from, current_trace_id, current_traceparent, span


def test_outside_a_span_there_is_no_id():
    assert current_trace_id() is None
    assert current_traceparent() is None


def test_a_trace_goes_on_where_a_traceparent_leads():
    with span("publish"):
        trace_id = current_trace_id()
        traceparent = current_traceparent()
    assert traceparent.split("-")[1] == trace_id
    with span("unrelated"):
        assert current_trace_id() != trace_id
        with span("consume", parent=context_from(traceparent)):
            assert current_trace_id() == trace_id
    assert current_trace_id() is None


def test_a_broken_traceparent_begins_a_new_trace():
    for broken in (None, "", "nonsense", "00-0-0-01"):
        with span("consume", parent=context_from(broken)):
            assert len(current_trace_id()) == 32
