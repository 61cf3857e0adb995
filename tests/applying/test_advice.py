"""A refusal that a person can do something about says what."""

import pytest

from reconciler.applying.advice import with_advice
from reconciler.errors import ConflictError, InvalidRequestError
from reconciler.model import Action, Address, Change
from reconciler.providers import KINDS

APP, VIEWER = Address("oauth_apps", "a"), Address("connect_integrations", "v")


def advice(address, action, error):
    change = Change(address, action, "p", "1", "name", "")

    def call():
        raise error

    with pytest.raises(type(error)):
        with_advice(KINDS[address.kind_name], change, call)
    return error.hint


@pytest.mark.parametrize(("code", "is_told"), [("229", True), ("87", False)])
def test_what_only_a_replace_can_change_is_told_with_its_address(code, is_told):
    error = InvalidRequestError("no", method="PATCH", path="/", status=400, remote_code=code)
    assert (f"--replace {VIEWER}" in advice(VIEWER, Action.UPDATE, error)) is is_told


@pytest.mark.parametrize(("action", "is_told"), [(Action.REPLACE, True), (Action.CREATE, False)])
def test_a_name_that_is_taken_by_the_predecessor_is_told_with_the_other_order(action, is_told):
    error = ConflictError("taken", method="POST", path="/", status=409)
    assert ("delete_first" in advice(APP, action, error)) is is_told
