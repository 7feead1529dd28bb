"""The list of problems is that of the code."""

from tests.contract import problem_types

REMEDY = "run `make problems` and commit what it writes"


def test_the_list_of_problems_is_current():
    found = problem_types.kinds()
    assert problem_types.data(found) == problem_types.DATA.read_text(), REMEDY
    assert problem_types.page(found) == problem_types.PAGE.read_text(), REMEDY


def test_every_problem_says_something():
    for kind in problem_types.kinds():
        assert kind.description, kind.reason
        assert 400 <= kind.status < 600, kind.reason
