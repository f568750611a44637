/** Numbers that API and agent share, or that the contract fixes: no installation may choose them (settings.ts has those). */

export const CONSTANTS = {
  /** Containers of one session, by the contract; an installation may allow fewer. */
  maxContainers: 1024,
  /** RFC 7348 over IPv4: 14 Ethernet + 20 IP + 8 UDP + 8 VXLAN bytes. */
  vxlanOverhead: 50,
  /** The longest `?wait=`: below the minute after which proxies give up on a silent answer. */
  maxWaitSeconds: 60,
  /** The agent pings this often; three missed make the link dead. */
  pingSeconds: 10,
  linkDeadSeconds: 30,
  /** Bytes of each container's output that are kept after it ended. */
  outputBytes: 4096,
  /** SIGTERM to SIGKILL. */
  stopSeconds: 10,
  /** How often a container is started again where the request leaves that open, and where it asks for the most. */
  defaultRestarts: 5,
  mostRestarts: 100,
} as const;
