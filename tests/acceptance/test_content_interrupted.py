"""A replace that ends half-way: what others associated comes back with the next run, whatever was lost."""

import pytest

from reconciler.sandbox.connect.answers import api_error, forbidden
from reconciler.sandbox.messages import RESET
from tests.acceptance.test_content import Shelf

DELETE, POST, PUT = ("DELETE", "oauth/integrations/"), ("POST", "oauth/integrations"), ("PUT", "associations")
ENDS = [  # what it was in the middle of, and what became of that; who is dead writes nothing any more
    ("delete_first", DELETE, 1, "dead before"),
    ("delete_first", DELETE, 1, "dead after"),
    ("delete_first", DELETE, 1, "lost after"),
    ("delete_first", POST, 1, "dead before"),
    ("delete_first", POST, 1, "dead after"),
    ("delete_first", POST, 1, "lost before"),
    ("delete_first", PUT, 1, "dead after"),
    ("delete_first", PUT, 2, "lost before"),
    ("create_first", POST, 1, "dead after"),
    ("create_first", PUT, 1, "dead after"),
    ("create_first", DELETE, 1, "dead before"),
]


class Ending:
    """From the Nth such write on nothing gets through; of one that is `after`, the effect still came.

    Attributes:
        memory: the ledger as it was when that write was sent.
    """

    def __init__(self, shelf, write, number, *, after):
        self.shelf, self.write, self.number, self.after = shelf, write, number, after
        self.handle, self.memory = shelf.place.sandbox.handle, ""

    def __call__(self, request):
        method, path = self.write
        if self.memory:
            return api_error(forbidden())  # which nobody waits and asks again for
        if request.method == method and path in request.path:
            self.number -= 1
            if self.number == 0:
                self.memory = self.shelf.place.ledger.read_text()
                if self.after:
                    self.handle(request)
                return RESET
        return self.handle(request)


@pytest.fixture
def shelf(inside):
    return Shelf(inside)


def replace_until(shelf, write, number, death):
    plan = shelf.place.plan("--replace", "connect_integrations.viewer")
    ending = Ending(shelf, write, number, after=death.endswith("after"))
    shelf.place.sandbox.handle = ending
    shelf.place.run(
        *("apply", "specs/stack.yaml", "--replace", "connect_integrations.viewer"),
        *("--approve", plan["digest"]),
        code=1,
    )
    shelf.place.sandbox.handle = ending.handle
    assert ending.memory
    if death.startswith("dead"):
        shelf.place.ledger.write_text(ending.memory)


def shared(shelf, order):
    """An integration that others gave to two content items, of which the spec names one as well."""
    shelf.applies(lifecycle={"replace": order})
    other, old = shelf.other(), shelf.live["guid"]
    shelf.give(shelf.dashboard, other, old)
    shelf.give(shelf.api, old)
    shelf.applies(content=[shelf.dashboard], lifecycle={"replace": order})
    return other


@pytest.mark.parametrize(("order", "write", "number", "death"), ENDS)
def test_what_others_associated_survives_a_replace_that_ended_half_way(shelf, order, write, number, death):
    other = shared(shelf, order)
    replace_until(shelf, write, number, death)
    shelf.place.approve()
    new = shelf.live["guid"]
    assert [sorted(shelf.of(shelf.dashboard)), shelf.of(shelf.api)] == [sorted([other, new]), [new]]
    assert shelf.place.is_settled()
    assert "carries" not in shelf.place.ledger.read_text()
    shelf.applies(content=[], lifecycle={"replace": order})
    assert [sorted(shelf.of(shelf.dashboard)), shelf.of(shelf.api)] == [sorted([other, new]), [new]]


def test_it_survives_where_the_spec_says_nothing_of_content(shelf):
    shelf.applies()
    shelf.give(shelf.api, shelf.live["guid"])
    replace_until(shelf, POST, 1, "lost after")
    shelf.place.approve()
    assert shelf.of(shelf.api) == [shelf.live["guid"]]
    assert shelf.place.is_settled()


@pytest.mark.parametrize("write", [DELETE, POST, PUT])
def test_who_may_use_it_is_kept_by_the_record_where_the_spec_does_not_say(shelf, write):
    shelf.applies(access={"users": ["ada"], "groups": ["finance"]})
    shelf.applies(lifecycle={"replace": "delete_first"})
    shelf.give(shelf.api, shelf.live["guid"])
    replace_until(shelf, write, 1, "dead before")
    shelf.place.apply()
    assert (shelf.listed(), shelf.of(shelf.api)) == (["ada", "finance"], [shelf.live["guid"]])
    assert shelf.place.is_settled()


def test_what_was_restricted_before_it_went_is_not_opened_without_an_approval(shelf):
    shelf.applies(access={"users": ["ada"]})
    shelf.applies(lifecycle={"replace": "delete_first"})
    replace_until(shelf, POST, 1, "dead before")
    shelf.wants(access="everyone")
    with shelf.place.untouched():
        shelf.place.apply(code=3).says("opens what was restricted")
    shelf.place.approve()
    assert shelf.listed() == []


def test_it_survives_a_create_that_was_refused(shelf):
    shared(shelf, "delete_first")
    plan = shelf.place.plan("--replace", "connect_integrations.viewer")
    words = ("apply", "specs/stack.yaml", "--replace", "connect_integrations.viewer")
    shelf.place.fault("method=POST,path=oauth/integrations,when=before,do=nocode,status=400")
    shelf.place.run(*words, "--approve", plan["digest"], code=1)
    shelf.place.relax()
    shelf.place.apply()
    assert shelf.of(shelf.api) == [shelf.live["guid"]]
    assert shelf.place.is_settled()


@pytest.mark.parametrize(
    ("order", "write"), [("create_first", POST), ("delete_first", POST), ("delete_first", PUT)]
)
def test_what_this_stack_associated_is_still_its_own_afterwards(shelf, order, write):
    shelf.applies(content=[shelf.dashboard, shelf.api], lifecycle={"replace": order})
    shelf.wants(content=[shelf.api], lifecycle={"replace": order})
    replace_until(shelf, write, 1, "dead after")
    shelf.place.approve()
    assert (shelf.of(shelf.dashboard), shelf.of(shelf.api)) == ([], [shelf.live["guid"]])
    shelf.applies(content=[], lifecycle={"replace": order})
    assert (shelf.of(shelf.api), shelf.place.is_settled()) == ([], True)


def test_content_that_went_or_was_given_another_in_between_holds_nothing_up(shelf):
    shelf.applies(lifecycle={"replace": "delete_first"})
    for guid in (shelf.dashboard, shelf.api):
        shelf.give(guid, shelf.live["guid"])
    replace_until(shelf, DELETE, 1, "dead after")
    shelf.place.knobs(connect_version="2025.06.0")  # it takes one integration for an item
    other = shelf.other()
    shelf.give(shelf.dashboard, other)
    shelf.place.control("POST", "gone", {"server": "", "guids": [shelf.api]})
    shelf.place.apply().says(f"content {shelf.dashboard} isn't at its successor", "given another")
    assert shelf.of(shelf.dashboard) == [other]
    assert shelf.place.is_settled()


def test_content_that_cannot_take_the_successor_holds_nothing_up(shelf):
    shared(shelf, "delete_first")
    replace_until(shelf, POST, 1, "lost after")
    shelf.place.fault(f"method=PUT,path={shelf.api},do=nocode,status=400")
    shelf.place.apply().says(f"content {shelf.api} isn't at its successor", "400")
    shelf.place.relax()
    assert shelf.place.is_settled()


@pytest.mark.parametrize("write", [DELETE, PUT])
@pytest.mark.parametrize("ends", ["destroyed", "left out"])
def test_what_waits_for_a_successor_is_off_the_record_when_none_is_wanted_any_more(shelf, ends, write):
    shared(shelf, "delete_first")
    replace_until(shelf, write, 1, "dead after")
    if ends == "destroyed":
        (plan, *_) = shelf.place.run("destroy", "specs/stack.yaml", "--format", "json", code=3).documents
        shelf.place.run("destroy", "specs/stack.yaml", "--approve", plan["digest"])
    else:
        shelf.wants(key="another", name="Another")
        shelf.place.approve()
    assert "connect_integrations.viewer" not in shelf.place.remembered()
    assert shelf.of(shelf.api) == []
