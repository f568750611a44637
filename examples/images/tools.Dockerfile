FROM debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
  openssh-client rsync openmpi-bin python3-mpi4py pdsh ansible-core python3-distributed python3-paramiko python3-asyncssh git
