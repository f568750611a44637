# Counts the primes below 20,000: each container takes its share, and main1 gathers the counts in /tmp/results.
mkdir -p /tmp/results
for host in $(echo "$BACKENDAI_CLUSTER_HOSTS" | tr , ' '); do
  ssh "$host" python3 - > "/tmp/results/$host" <<'PYTHON' &
import os
size = int(os.environ["BACKENDAI_CLUSTER_SIZE"])
rank = int(os.environ["BACKENDAI_CLUSTER_LOCAL_RANK"])
prime = lambda n: n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))
print(sum(prime(n) for n in range(rank, 20000, size)))
PYTHON
done
wait
