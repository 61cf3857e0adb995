"""Lists of the account API: never short, never endless."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from requests import PreparedRequest

from reconciler import errors
from reconciler.model import ProviderSpec, WorkspaceRef
from reconciler.providers import _size_limits as limits
from reconciler.providers.databricks._api import DatabricksAccount
from reconciler.providers.databricks._lists import list_pages, scim_list

HOST = "https://accounts.cloud.databricks.com"
SCIM = f"{HOST}/api/2.0/accounts/acc/scim/v2/ServicePrincipals"
PATH = "/api/2.0/accounts/acc/things"
Handler = Callable[[dict[str, str]], Any]


def account_at(host: str, moment: Any) -> DatabricksAccount:
    spec = ProviderSpec("databricks", "databricks", host, "acc", {"token": "t"})
    return DatabricksAccount(spec, {}, pace=moment.pace)


@pytest.fixture
def plain(moment: Any) -> Iterator[DatabricksAccount]:
    made = account_at(HOST, moment)
    yield made
    made.http.close()


def serve(web: responses.RequestsMock, url: str, handler: Handler) -> list[dict[str, str]]:
    asked: list[dict[str, str]] = []

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}
        asked.append(query)
        reply = handler(query)
        return reply if isinstance(reply, tuple) else (200, {}, json.dumps(reply))

    web.add_callback("GET", url, callback=answer)
    return asked


def scim_of(ids: list[str], *, cap: int = 100, total: int | None = None) -> Handler:
    def handler(query: dict[str, str]) -> Any:
        start = int(query["startIndex"]) - 1
        page = ids[start : start + min(cap, int(query["count"]))]
        shown = len(ids) if total is None else total
        body: dict[str, Any] = {"totalResults": shown, "startIndex": start + 1, "itemsPerPage": len(page)}
        return {**body, "Resources": [{"id": i} for i in page]} if page else body

    return handler


IDS = [str(number) for number in range(1, 251)]


# -- page tokens


def test_pages_are_read_until_the_token_is_empty_even_if_one_is_short_or_bare(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    pages = {
        "": {"things": [{"id": "1"}], "next_page_token": "a"},
        "a": {"next_page_token": "b"},
        "b": {"things": [{"id": "2"}], "next_page_token": ""},
    }
    asked = serve(web, HOST + PATH, lambda query: pages[query.get("page_token", "")])
    assert [item["id"] for item in list_pages(plain, PATH, "things", {"more": "x"})] == ["1", "2"]
    assert asked[0] == {"page_size": "100", "more": "x"}
    assert asked[2] == {"page_size": "100", "more": "x", "page_token": "b"}


def test_a_list_of_nothing_lacks_its_key(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    serve(web, HOST + PATH, lambda _: {})
    assert list_pages(plain, PATH, "things") == []


def test_pages_without_end_come_to_an_end(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    tokens = count()
    asked = serve(web, HOST + PATH, lambda _: {"things": [{"id": "1"}], "next_page_token": str(next(tokens))})
    with pytest.raises(errors.UnreadableError, match="anything new"):
        list_pages(plain, PATH, "things")
    assert len(asked) == 1 + limits.BARREN_LIMIT


def test_objects_without_end_come_to_an_end(
    plain: DatabricksAccount, web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OBJECTS_LIMIT", 20)
    ids = count()
    serve(web, HOST + PATH, lambda q: {"things": [{"id": str(next(ids))}], "next_page_token": str(next(ids))})
    with pytest.raises(errors.UnreadableError, match="has no end: 21 pages, 21 objects"):
        list_pages(plain, PATH, "things")


def test_a_list_has_so_many_characters_and_no_more(
    plain: DatabricksAccount, web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIST_LIMIT", 1000)
    ids = count()
    page = {"things": [{"id": "1", "x": "y" * 600}]}
    serve(web, HOST + PATH, lambda q: {**page, "next_page_token": str(next(ids))})
    with pytest.raises(errors.UnreadableError, match="has no end: 2 pages"):
        list_pages(plain, PATH, "things")


@pytest.mark.parametrize(("ids", "total"), [(IDS, 1_000_000_000), (IDS, 200_001), (["1"], 10_001)])
def test_a_total_beyond_any_estate_is_not_walked(
    plain: DatabricksAccount, web: responses.RequestsMock, ids: list[str], total: int
) -> None:
    asked = serve(web, SCIM, scim_of(ids, total=total))
    with pytest.raises(errors.UnreadableError, match="aren't read"):
        scim_list(plain, "ServicePrincipals")
    assert len(asked) == 1


@pytest.mark.parametrize("body", [{"message": "temporarily unavailable"}, {"things": None}, {"Things": []}])
def test_what_is_no_list_is_not_taken_for_a_list_of_nothing(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    serve(web, HOST + PATH, lambda _: body)
    with pytest.raises(errors.UnreadableError, match="things"):
        list_pages(plain, PATH, "things")


def test_a_page_token_that_repeats_is_an_error(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    serve(web, HOST + PATH, lambda _: {"things": [{"id": "1"}], "next_page_token": "again"})
    with pytest.raises(errors.UnreadableError, match="circles"):
        list_pages(plain, PATH, "things")


@pytest.mark.parametrize(
    "second",
    [
        (400, {}, '{"error_code": "BAD_REQUEST", "message": "token expired"}'),
        (200, {}, "<html>login</html>"),
        (200, {}, '{"things": [{"id"'),
        (200, {}, "[]"),
        (200, {}, '{"things": {"id": 1}}'),
        (200, {}, '{"things": [1]}'),
        (200, {}, ""),
        (200, {}, '{"things": null}'),
        (200, {}, '{"message": "temporarily unavailable"}'),
        (200, {}, '{"next_page_token": "", "error_code": "BUSY"}'),
        (200, {}, '{"things": [], "next_page_token": false}'),
        (200, {}, '{"things": [], "next_page_token": null}'),
        (200, {}, '{"things": [], "next_page_token": 0}'),
        (200, {}, '{"things": [], "next_page_token": {}}'),
        (503, {}, ""),
    ],
)
def test_a_list_that_breaks_off_between_pages_is_an_error_and_not_a_short_list(
    plain: DatabricksAccount, web: responses.RequestsMock, second: Any
) -> None:
    first = {"things": [{"id": "1"}], "next_page_token": "a"}
    serve(web, HOST + PATH, lambda query: second if "page_token" in query else first)
    with pytest.raises(errors.RemoteError):
        list_pages(plain, PATH, "things")


# -- SCIM


def test_a_scim_list_is_read_side_by_side_and_complete(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    asked = serve(web, SCIM, scim_of(IDS))
    found = scim_list(plain, "ServicePrincipals")
    assert [item["id"] for item in found] == IDS
    assert sorted(int(query["startIndex"]) for query in asked) == [1, 101, 201]
    assert {query["count"] for query in asked} == {"100"}


def test_a_silently_capped_page_size_is_followed(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    asked = serve(web, SCIM, scim_of(IDS, cap=30))
    assert len(scim_list(plain, "ServicePrincipals")) == 250
    assert len(asked) == 9


def test_a_scim_list_of_nothing_lacks_its_resources(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    asked = serve(web, SCIM, scim_of([]))
    assert scim_list(plain, "ServicePrincipals") == []
    assert len(asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": "temporarily unavailable"},
        {"Resources": []},
        {"Resources": [{"id": "1"}]},
        {"totalResults": "7", "Resources": []},
        {"totalResults": None, "Resources": []},
        {"totalResults": False, "Resources": []},
        {"totalResults": 0.0, "Resources": []},
        {"totalResults": -1, "Resources": []},
    ],
)
def test_a_scim_list_without_a_total_is_no_list(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    serve(web, SCIM, lambda _: body)
    with pytest.raises(errors.UnreadableError, match="totalResults"):
        scim_list(plain, "ServicePrincipals")


@pytest.mark.parametrize("body", [{"totalResults": 7}, {"totalResults": 7, "Resources": None}])
def test_a_scim_list_that_lacks_what_it_counts_is_an_error(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    serve(web, SCIM, lambda _: body)
    with pytest.raises(errors.UnreadableError):
        scim_list(plain, "ServicePrincipals")


def test_pages_that_overlap_are_walked_again(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    calls = 0
    whole, shifted = scim_of(IDS), scim_of(["0", *IDS[:-1]])

    def handler(query: dict[str, str]) -> Any:
        nonlocal calls
        calls += 1
        return shifted(query) if calls == 2 else whole(query)

    asked = serve(web, SCIM, handler)
    assert {item["id"] for item in scim_list(plain, "ServicePrincipals")} == set(IDS)
    assert len(asked) == 3 + 4


@pytest.mark.parametrize("total", [251, 400])
def test_a_scim_list_that_stays_short_of_its_total_is_an_error(
    plain: DatabricksAccount, web: responses.RequestsMock, total: int
) -> None:
    serve(web, SCIM, scim_of(IDS, total=total))
    with pytest.raises(errors.UnreadableError, match=f"250 of {total}"):
        scim_list(plain, "ServicePrincipals")


def test_a_total_that_keeps_moving_is_an_error(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    totals = iter(range(250, 1000))
    serve(web, SCIM, lambda query: {**scim_of(IDS)(query), "totalResults": next(totals)})
    with pytest.raises(errors.UnreadableError):
        scim_list(plain, "ServicePrincipals")


def test_a_server_that_ignores_start_index_does_not_hang_us(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    page = {"totalResults": 250, "Resources": [{"id": i} for i in IDS[:100]]}
    serve(web, SCIM, lambda _: page)
    with pytest.raises(errors.UnreadableError, match="same page"):
        scim_list(plain, "ServicePrincipals")


@pytest.mark.parametrize("item", [{"displayName": "no id"}, {"id": ""}, {"id": 5}])
def test_a_scim_object_without_an_id_is_an_error(
    plain: DatabricksAccount, web: responses.RequestsMock, item: Any
) -> None:
    serve(web, SCIM, lambda _: {"totalResults": 1, "Resources": [item]})
    with pytest.raises(errors.UnreadableError, match="without an id"):
        scim_list(plain, "ServicePrincipals")


def test_a_scim_page_that_fails_fails_the_list(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    whole = scim_of(IDS)
    serve(web, SCIM, lambda query: (403, {}, "{}") if query["startIndex"] == "201" else whole(query))
    with pytest.raises(errors.ForbiddenError):
        scim_list(plain, "ServicePrincipals")


# -- workspaces


@pytest.mark.parametrize(
    ("host", "item", "expected"),
    [
        (HOST, {"deployment_name": "Acme"}, "acme.cloud.databricks.com"),
        ("https://accounts.cloud.databricks.us", {"deployment_name": "a"}, "a.cloud.databricks.us"),
        ("https://accounts-dod.cloud.databricks.mil", {"deployment_name": "a"}, "a.cloud.databricks.mil"),
        (
            "https://accounts.azuredatabricks.net",
            {"deployment_name": "adb-1.2"},
            "adb-1.2.azuredatabricks.net",
        ),
        ("https://accounts.azuredatabricks.us", {"deployment_name": "a"}, "a.databricks.azure.us"),
        ("https://accounts.azuredatabricks.cn", {"deployment_name": "a"}, "a.databricks.azure.cn"),
        ("https://accounts.gcp.databricks.com", {"deployment_name": "1.2"}, "1.2.gcp.databricks.com"),
        ("http://127.0.0.1:8000", {"deployment_name": "a", "cloud": "azure"}, "a.azuredatabricks.net"),
        ("http://127.0.0.1:8000", {"deployment_name": "a", "cloud": "aws"}, "a.cloud.databricks.com"),
        (HOST, {}, ""),
    ],
)
def test_a_workspaces_host_comes_from_its_deployment_and_the_accounts_zone(
    web: responses.RequestsMock, moment: Any, host: str, item: dict[str, Any], expected: str
) -> None:
    web.add("GET", f"{host}/api/2.0/accounts/acc/workspaces", json=[{"workspace_id": 42, **item}])
    assert account_at(host, moment).workspaces() == (WorkspaceRef("42", expected),)


@pytest.mark.parametrize("body", [{"workspaces": []}, [1], None])
def test_workspaces_are_a_bare_array(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    web.add("GET", f"{HOST}/api/2.0/accounts/acc/workspaces", json=body)
    with pytest.raises(errors.UnreadableError):
        plain.workspaces()
