"""Files beside the spec, as if they were a remote system: no network, no credentials."""
