"""The order of steps: what is used comes first, what is superseded last, orphans before anything is made."""

from reconciler.model import Action, Address, Change, Lifecycle, ReplaceOrder
from reconciler.planning import Phase, Step, steps

APP = Address("oauth_apps", "app")
USER = Address("connect_integrations", "user")


def change(address, action, **facts):
    return Change(address, action, "p", None, "n", "why", **facts)


def make(address):
    return Step(address, Phase.MAKE)


def remove(address):
    return Step(address, Phase.REMOVE)


def test_what_is_referred_to_is_made_first():
    found = steps([change(USER, Action.CREATE, depends_on=(APP,)), change(APP, Action.CREATE)], {})
    assert found[make(USER)] == (make(APP),)
    assert found[make(APP)] == ()


def test_a_replaced_app_goes_only_after_its_user_was_switched_over():
    user = change(USER, Action.UPDATE, depends_on=(APP,))
    found = steps([user, change(APP, Action.REPLACE, removes=("old",))], {})
    assert make(USER) in found[remove(APP)]
    assert make(APP) in found[remove(APP)]
    assert found[make(USER)] == (make(APP),)


def test_what_an_integration_used_when_last_applied_goes_after_it_moved_on():
    other = Address("oauth_apps", "other")
    user = change(USER, Action.UPDATE, depends_on=(other,))
    found = steps([user, change(APP, Action.DELETE, removes=("old",))], {USER: (APP,)})
    assert found[remove(APP)] == (make(USER),)


def test_deletes_run_in_reverse():
    user = change(USER, Action.DELETE, depends_on=(APP,), removes=("u",))
    found = steps([change(APP, Action.DELETE, removes=("a",)), user], {USER: (APP,)})
    assert found[remove(APP)] == (remove(USER),)
    assert found[remove(USER)] == ()


def test_a_replace_may_delete_first():
    first = Lifecycle(replace=ReplaceOrder.DELETE_FIRST)
    app = change(APP, Action.REPLACE, removes=("old",), lifecycle=first)
    found = steps([app, change(USER, Action.UPDATE, depends_on=(APP,))], {})
    assert found[remove(APP)] == ()
    assert found[make(APP)] == (remove(APP),)


def test_strays_are_cleared_before_anything_is_made():
    found = steps([change(APP, Action.CREATE, clears=("orphan",))], {})
    assert found[make(APP)] == (Step(APP, Phase.CLEAR),)


def test_what_needs_nothing_and_what_is_blocked_have_no_steps():
    assert steps([change(APP, Action.NO_OP), change(USER, Action.BLOCKED)], {}) == {}


def test_an_app_goes_after_the_strays_that_may_use_it_and_after_its_own():
    user = change(USER, Action.DELETE, depends_on=(APP,), clears=("u",))
    app = change(APP, Action.DELETE, removes=("a",), clears=("orphan",))
    found = steps([app, user], {USER: (APP,)})
    assert set(found[remove(APP)]) == {Step(USER, Phase.CLEAR), Step(APP, Phase.CLEAR)}
