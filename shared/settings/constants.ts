/** Numbers that API and agent share, or that the contract fixes. An installation cannot change them; settings.ts has those that it can. */

export const CONSTANTS = {
  /** Containers of one session, by the contract; an installation may allow fewer. */
  maxContainers: 1024,
  /** The longest `?wait=`: many proxies give up on an answer after a minute. */
  maxWaitSeconds: 60,
  /** The agent pings this often; after three missed pings the link is dead. */
  pingSeconds: 10,
  linkDeadSeconds: 30,
  /** A tunnel is dead sooner: whoever waits for its streams hears of it within 30 s, with some seconds for the way there. */
  tunnelDeadSeconds: 25,
  /** Bytes of each container's output that the Session shows after its end. */
  outputBytes: 4096,
  /** From SIGTERM to SIGKILL. */
  stopSeconds: 10,
  /** How often a container is restarted: by default, and at most. */
  defaultRestarts: 5,
  mostRestarts: 100,
  /** The longest `holdAtEnd`. */
  longestHoldSeconds: 86_400,
  /** Registries for which one project has credentials. */
  maxRegistries: 100,
  /** The longest `maxDuration` and `queueTimeout`: a leap year. */
  longestSeconds: 366 * 86_400,
} as const;
