"""An application id is given by Entra ID, and so on Azure only."""

import pytest

TEXT = """\
version: 1
stack: test
providers:
  databricks: {type: databricks, host: "https://%s", account_id: abc-123}
service_principals:
  robot:
    application_id: 11111111-2222-3333-4444-555555555555
"""


@pytest.mark.parametrize(
    "host", ["accounts.cloud.databricks.com", "ACCOUNTS.gcp.databricks.com", "accounts.cloud.databricks.us"]
)
def test_an_application_id_is_an_error_where_there_is_no_entra_id(specs, host):
    assert specs.complaints(TEXT % host) == ["application-id 7:5"]


@pytest.mark.parametrize("host", ["accounts.azuredatabricks.net", "accounts.example.org"])
def test_on_azure_and_behind_another_name_it_is_none(specs, host):
    assert specs.complaints(TEXT % host) == []
