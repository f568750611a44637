"""Each process prints its host, its rank, and the sum of all ranks."""

import socket

from mpi4py import MPI

world = MPI.COMM_WORLD
total = world.allreduce(world.rank, op=MPI.SUM)
print(f"{socket.gethostname()}: rank {world.rank} of {world.size}, sum {total}", flush=True)
