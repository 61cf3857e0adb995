"""Connect's people, content, access lists and older releases: through posit-sdk, and raw."""

import pytest

from reconciler import sandbox as box

INTEGRATIONS = "v1/oauth/integrations"


def names(reply):
    return [row.get("username", row.get("name")) for row in reply.json["results"]]


def content(api, name):
    return next(row for row in api.connect("GET", "v1/content").json if row["name"] == name)


@pytest.mark.parametrize("sort", ["users", "groups"])
def test_who_only_the_provider_knows_has_no_guid(api, sort):
    api.connect("GET", "v1/user")
    api.sandbox.state.connect("").people.remote[sort] += ["remote-one", "other"]
    (found,) = api.connect("GET", f"v1/{sort}/remote", prefix="REM").json["results"]
    assert (found["guid"], found["temp_ticket"]) == (None, "ticket-remote-one")


def test_pages_of_people_hold_what_is_asked_for_and_no_more_than_the_knob_says(api):
    assert len(names(api.connect("GET", "v1/users", page_size=2))) == 2
    api.knobs(page_size=1)
    pages = [names(api.connect("GET", "v1/users", page_size=500, page_number=n)) for n in (1, 2, 3, 4)]
    assert pages == [["ada"], ["pat"], ["vic"], []]
    assert api.connect("GET", "v1/users", account_status="locked").json["total"] == 0


@pytest.mark.parametrize(("drop", "left"), [(False, 1), (True, 0)])
def test_an_access_list_whose_last_group_is_gone_may_open_to_everybody(api, drop, left):
    (group,) = api.connect("GET", "v1/groups", prefix="fin").json["results"]
    guid = api.new_integration(permissions=[{"group_guid": group["guid"]}])["guid"]
    hidden = api.connect("GET", f"{INTEGRATIONS}/{guid}", key=box.PUBLISHER_KEY)
    assert hidden.status == 404
    api.knobs(drop_gone_people=drop)
    assert api.sandbox.state.connect("").remove_person(group["guid"])
    assert len(api.connect("GET", f"{INTEGRATIONS}/{guid}").json["permissions"]) == left
    shown = api.connect("GET", f"{INTEGRATIONS}/{guid}", key=box.PUBLISHER_KEY)
    assert shown.status == (200 if drop else 404)
    again = api.connect("PATCH", f"{INTEGRATIONS}/{guid}", {"permissions": [{"group_guid": group["guid"]}]})
    assert (again.status, again.json["code"]) == (400, 262)


def test_counts_follow_what_content_has(api):
    guids = [api.new_integration()["guid"] for _ in range(2)]
    both = [{"oauth_integration_guid": guid} for guid in guids]
    path = f"v1/content/{content(api, 'churn-api')['guid']}/oauth/integrations/associations"
    assert api.connect("PUT", path, both).status == 204
    listed = {row["guid"]: row["content_count"] for row in api.connect("GET", INTEGRATIONS).json}
    assert [listed[guid] for guid in guids] == [1, 1]
    api.sandbox.state.connect("").remove_content(content(api, "churn-api")["guid"])
    assert api.connect("GET", f"{INTEGRATIONS}/{guids[0]}").json["content_count"] == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"app_mode": "python-shiny"}, 204),
        ({"app_mode": "python-shiny", "access_type": "all"}, 400),
        ({"app_mode": "rmd-static"}, 400),
        ({"app_mode": "static"}, 400),
    ],
)
def test_only_interactive_content_with_a_login_takes_a_viewer_integration(api, fields, status):
    guid = api.new_integration()["guid"]
    item = api.sandbox.state.connect("").add_content({"name": "x", **fields})
    path = f"v1/content/{item['guid']}/oauth/integrations/associations"
    assert api.connect("PUT", path, [{"oauth_integration_guid": guid}]).status == status


def test_older_servers_lack_what_came_later(api):
    guid = api.new_integration()["guid"]
    shown = api.connect("GET", f"{INTEGRATIONS}/{guid}").json
    assert {"permissions", "content_count", "environment_variables", "auth_type"} <= set(shown)
    api.knobs(connect_version="2025.08.0")
    shown = api.connect("GET", f"{INTEGRATIONS}/{guid}").json
    assert not {"permissions", "content_count", "environment_variables"} & set(shown)
    refused = api.connect("PATCH", f"{INTEGRATIONS}/{guid}", {"permissions": []})
    assert (refused.status, refused.json["code"]) == (400, 87)
    api.knobs(connect_version="2024.09.0")
    assert "auth_type" not in api.connect("GET", f"{INTEGRATIONS}/{guid}").json
    assert api.connect("POST", f"{INTEGRATIONS}/{guid}/verify").status == 404
    api.knobs(connect_version="2024.06.0")
    assert api.connect("GET", INTEGRATIONS).status == 404
    assert api.connect("GET", "v1/users").status == 200


def test_a_server_that_is_old_from_the_start_has_made_no_integration_itself(api):
    api.knobs(connect_version="2025.04.0")
    assert api.connect("GET", INTEGRATIONS).json == []


@pytest.mark.parametrize(
    ("feature", "path"),
    [
        ("associations", "v1/content/{guid}/oauth/integrations/associations"),
        ("templates", "v1/oauth/templates"),
    ],
)
def test_what_a_server_lacks_is_a_404(api, feature, path):
    path = path.format(guid=content(api, "churn-api")["guid"])
    assert api.connect("GET", path).status == 200
    api.knobs(lacks=feature)
    assert api.connect("GET", path).status == 404


def test_a_release_that_is_none_is_refused(api):
    reply = api.call("POST", "/_sandbox/knobs", {"connect_version": "newest"})
    assert (reply.status, "2026.06.1" in reply.text) == (400, True)


def test_posit_sdk_finds_people_and_content_and_sets_access_lists():
    from posit import connect

    with box.SandboxServer() as server:
        client = connect.Client(server.url, server.env["CONNECT_API_KEY"])
        (group,) = client.groups.find(prefix="data")
        assert [user["username"] for user in group.members.find()] == ["pat"]
        assert client.groups.get(group["guid"])["name"] == "data-science"
        assert client.users.find_one(prefix="VIC")["last_name"] == "Viewer"
        config = {"workspace_host": "h", "client_id": "c", "client_secret": "s"}
        wanted = [{"group_guid": group["guid"]}]
        made = client.oauth.integrations.create(
            name="a", template="databricks", config=config, permissions=wanted
        )
        assert [entry["group_guid"] for entry in made["permissions"]] == [group["guid"]]
        made.update(permissions=[])
        assert made["permissions"] == []
        item = client.content.find_one(name="churn-api")
        item.oauth.associations.update([made["guid"]])
        assert [a["content_guid"] for a in made.associations.find()] == [item["guid"]]
        assert client.oauth.integrations.get(made["guid"])["content_count"] == 1
        client.session.close()
