"""What a shell calls: its words, folder, environment and streams go to an interpreter that is warm."""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as warm:
    warm.connect(sys.argv[1])
    socket.send_fds(warm, [b" "], [0, 1, 2])
    warm.sendall(json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode() + b"\n")  # noqa: PTH109
    sys.exit(int(warm.recv(16)))
