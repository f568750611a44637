#!/bin/sh
# The first thing that runs inside a lab's namespaces: hides the machine's own state from the lab, then becomes the command.
# Usage: inside.sh COMMAND [ARGUMENT...]
set -eu

# The real files of names in /run (resolv.conf is often a link there) must be found before /run is hidden.
resolv_conf=$(realpath -m /etc/resolv.conf)

# Everything of the machine that engines, agents and iptables would pick up by themselves lives here: a developer's containerd and
# Docker sockets, named network namespaces, the xtables lock.
mount -t tmpfs -o mode=755 skein-lab /run
mkdir /run/netns /run/lock /run/skein-lab

# The lab has no name server: what asks the lab's router gets a refusal at once, rather than a timeout.
echo 'nameserver 198.51.100.1' >/run/skein-lab/resolv.conf
if [ ! -e "$resolv_conf" ]; then
  mkdir -p "$(dirname "$resolv_conf")"
  touch "$resolv_conf"
fi
mount --bind /run/skein-lab/resolv.conf "$resolv_conf"

# containerd makes /opt/containerd wherever it runs: what is written below /opt goes with the lab.
mkdir /run/skein-lab/opt /run/skein-lab/opt-work
mount -t overlay -o lowerdir=/opt,upperdir=/run/skein-lab/opt,workdir=/run/skein-lab/opt-work skein-lab /opt

ip link set lo up
exec "$@"
