"""What happens inside a process of the rig: the command line, and what is done to it before it starts.

Every function here can be handed to `Rig.start(patch=(function, arguments…))`. Nothing of pytest is imported,
so that a process starts fast.
"""

import os
import signal
import time

# --- ends and pauses -------------------------------------------------------------------------------------


def die_at_commit(number, when):
    """Makes this process kill itself before or after its Nth ledger write has become durable."""
    _around_commit(
        number,
        before=_die if when == "before" else None,
        after=_die if when == "after" else None,
    )


def stop_before_commit(number):
    """Stops this process before its Nth ledger write; it goes on when it is told to."""
    _around_commit(number, before=_stop)


def lose_commit(number, when):
    """Makes the answer of the Nth ledger write get lost, before or after its effect."""
    from reconciler.ledger.store import UncertainWriteError

    def lose():
        raise UncertainWriteError("the answer was lost")

    _around_commit(
        number,
        before=lose if when == "before" else None,
        after=lose if when == "after" else None,
    )


def fill_the_disk(number):
    """Leaves no room for the Nth ledger write and those after it."""
    import errno

    from reconciler.ledger.file_store import FileStore

    write_beside = FileStore._write_beside
    seen = []

    def full(store, content):
        seen.append(1)
        if len(seen) >= number:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_beside(store, content)

    FileStore._write_beside = full


def stop_before_write(number, lapses=True):
    """Stops this process between the lease check and the socket, at its Nth remote write.

    Args:
        lapses: when it goes on its lease has lapsed by its own clock, too, however short the stop was.
    """
    from reconciler.providers.http import Client, Effect

    exchange = Client._exchange
    seen = []

    def pausing(client, sent, *rest):
        if client.gate is not None and sent.effect is not Effect.READ:
            seen.append(1)
            if len(seen) == number:
                lease = client.gate.__self__
                _stop()
                lease._renewed_at -= 3600 if lapses else 0
        return exchange(client, sent, *rest)

    Client._exchange = pausing


def _around_commit(number, before=None, after=None):
    from reconciler.ledger import FileStore

    write = FileStore.write
    seen = []

    def counted(store, content, expected):
        seen.append(1)
        if len(seen) == number and before is not None:
            before()
        answer = write(store, content, expected)
        if len(seen) == number and after is not None:
            after()
        return answer

    FileStore.write = counted


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _stop():
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.01)  # the signal may take a moment to arrive


def again_and_again(times):
    """Runs the command so many times, as long as it ends well."""
    from reconciler.cli import main as cli

    once = cli.main

    def often(argv):
        return next((code for code in (once(argv) for _ in range(times)) if code), 0)

    cli.main = often


# --- other clocks ----------------------------------------------------------------------------------------


def wait_less(seconds):
    """Makes a read time out early."""
    from reconciler.providers import http

    http.READ_SECONDS = seconds


def take_over_at_once():
    """As if the holder of the lease had been silent for long enough."""
    leases_of(length=60.0, needed=35.0, every=15.0, patience=0.0, poll=0.05)


def leases_of(length, needed, every, patience, poll):
    """Other times for the lease."""
    from reconciler.ledger import lease, lease_holder

    lease.LENGTH, lease.NEEDED, lease.RENEW_EVERY = length, needed, every
    lease.PATIENCE = lease_holder.PATIENCE = patience
    lease.POLL = poll


# --- bugs on demand --------------------------------------------------------------------------------------


def crash_with_the_secret(where):
    """An internal error that has a secret in its text, its arguments and its frame's locals."""
    from reconciler.providers.connect.integration import KIND as INTEGRATION
    from reconciler.providers.databricks.service_principal_secret import KIND as SECRET

    def fail(*arguments):
        revealed = _revealed(arguments)
        raise RuntimeError(f"something about {revealed!r}", revealed)

    if where == "deliver":
        type(INTEGRATION).create = type(INTEGRATION).update = lambda self, *rest: fail(*rest)
    else:
        type(SECRET).check = lambda self, *rest: fail(*rest)


def _revealed(value):
    from reconciler.secrets import Secret

    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_revealed(item) for item in value]
    return value
