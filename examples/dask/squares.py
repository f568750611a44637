"""Starts a Dask cluster over SSH: the scheduler on main1, a worker on each other host. Squares numbers on all of them."""

import os
import socket

from dask.distributed import Client, SSHCluster

hosts = os.environ["BACKENDAI_CLUSTER_HOSTS"].split(",")
with SSHCluster(hosts) as cluster, Client(cluster) as client:
    client.wait_for_workers(len(hosts) - 1)
    print("workers:", *sorted(client.run(socket.gethostname).values()))
    print("sum of squares:", client.submit(sum, client.map(lambda n: n * n, range(100))).result())
