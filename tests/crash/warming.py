"""What every process would do first, done once: imported where the processes are forked from."""

from reconciler.specs.schema import acceptor, files

for name in (*files(), "import"):
    acceptor(name)
