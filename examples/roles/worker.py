"""A worker: pulls the model, finds the gradient on its own points of y = 2x + 5, and pushes it, many times."""

import os
import time
from xmlrpc.client import ServerProxy

server = ServerProxy("http://ps1:9000")
index = int(os.environ["BACKENDAI_CLUSTER_IDX"])
points = [(x / 10, 2 * x / 10 + 5) for x in range(index, 20, 2)]


def pull():
    # The server's process starts at the same moment.
    while True:
        try:
            return server.pull()
        except ConnectionRefusedError:
            time.sleep(0.1)


for _ in range(1000):
    a, b = pull()
    errors = [(x, a * x + b - y) for x, y in points]
    server.push([sum(e * x for x, e in errors) / len(points), sum(e for _, e in errors) / len(points)])
server.finish(os.environ["BACKENDAI_CLUSTER_HOST"])

# A container that ends leaves the session; this one stays, to be looked at until main1 ends.
time.sleep(3600)
