/** The tunnels of a session's nodes: opened when a client wants one, closed when they are unused or silent. */
import { SkeinError } from "../../shared/errors/errors.ts";
import { CLOSE } from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { linkOf } from "../platform/objects.ts";
import { AgentSocket } from "./agent-socket.ts";
import type { Dialling, TunnelNode } from "./dials.ts";
import type { NodeTunnel } from "./node-tunnel.ts";

/** How long a client waits for a tunnel. */
const OPEN_MS = 10_000;
/** A tunnel without a stream is closed after this time. */
const UNUSED_MS = 60_000;
const DEAD_MS = CONSTANTS.tunnelDeadSeconds * 1000;
/** Most connections of one node that have not proven its key yet. */
const MOST_UNPROVEN = 4;

interface Awaited {
  promise: Promise<NodeTunnel>;
  resolve: (tunnel: NodeTunnel) => void;
  /** Clients that wait for it. */
  waiting: number;
  /** Oldest first. */
  unproven: Set<AgentSocket>;
}

export class NodeTunnels {
  readonly #env: Cloudflare.Env;
  /** A tunnel has ended, and its streams with it. */
  readonly #onLost: (tunnel: NodeTunnel, reason: string) => void;
  /** By the node's id, as below. */
  readonly #open = new Map<string, NodeTunnel>();
  readonly #awaited = new Map<string, Awaited>();

  constructor(env: Cloudflare.Env, onLost: (tunnel: NodeTunnel, reason: string) => void) {
    this.#env = env;
    this.#onLost = onLost;
  }

  openTo(node: string): NodeTunnel | undefined {
    return this.#open.get(node);
  }

  isAwaited(node: string): boolean {
    return this.#awaited.has(node);
  }

  /** The node's tunnel, opened if it is not. */
  async to(session: string, node: TunnelNode): Promise<NodeTunnel> {
    const open = this.#open.get(node.id);
    if (open) return open;
    const awaited = this.#awaited.get(node.id) ?? this.#await(node.id);
    awaited.waiting++;
    let linked = false;
    try {
      linked = await linkOf(this.#env, node.id).wantTunnel(node.id, session);
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => late.resolve(undefined), linked ? OPEN_MS : 0);
      const tunnel = await Promise.race([awaited.promise, late.promise]);
      clearTimeout(timer);
      if (tunnel) return tunnel;
    } finally {
      // Clients that came later wait on.
      if (--awaited.waiting === 0 && this.#awaited.get(node.id) === awaited) this.#awaited.delete(node.id);
    }
    throw new SkeinError(
      "node_disconnected",
      linked
        ? `node ${node.name} did not open a tunnel within ${OPEN_MS / 1000} s: see its agent's log`
        : `node ${node.name} is not connected: check that its agent runs and reaches the API`,
      { retryAfter: 5 },
    );
  }

  #await(node: string): Awaited {
    const { promise, resolve } = Promise.withResolvers<NodeTunnel>();
    const awaited: Awaited = { promise, resolve, waiting: 0, unproven: new Set() };
    this.#awaited.set(node, awaited);
    return awaited;
  }

  /** An agent has dialled as a node that is awaited: it may do nothing before it has proven the node's key. */
  challenge(socket: WebSocket, dial: Dialling): void {
    const { node } = dial;
    const awaited = this.#awaited.get(node)!;
    const { unproven } = awaited;
    const [oldest] = unproven;
    // Anybody may dial as a node and send nothing. The oldest such connection makes way.
    if (unproven.size >= MOST_UNPROVEN) oldest?.end(CLOSE.resync, "a newer connection takes its place");
    const agent = new AgentSocket(socket, dial, {
      onProven: (tunnel) => {
        unproven.delete(agent);
        // A node has one tunnel: a newer one means that the older is broken, and this side has not noticed yet.
        this.#lose(node, this.#open.get(node), "the node has dialled again");
        this.#open.set(node, tunnel);
        if (this.#awaited.get(node) === awaited) this.#awaited.delete(node);
        awaited.resolve(tunnel);
      },
      onOver: (tunnel, reason) => {
        unproven.delete(agent);
        this.#lose(node, tunnel, reason);
      },
    });
    unproven.add(agent);
  }

  #lose(node: string, tunnel: NodeTunnel | undefined, reason: string): void {
    if (!tunnel) return;
    if (this.#open.get(node) === tunnel) this.#open.delete(node);
    tunnel.end("node_disconnected", reason);
    this.#onLost(tunnel, reason);
    tunnel.close(CLOSE.resync.code, CLOSE.resync.reason);
  }

  /** Ends what has been silent, or unused, for too long. */
  watch(now: number): void {
    for (const [node, tunnel] of this.#open) {
      if (tunnel.seenAt < now - DEAD_MS)
        this.#lose(node, tunnel, "the node's tunnel was silent for too long");
      else if (tunnel.streams === 0 && tunnel.idleSince < now - UNUSED_MS) {
        this.#open.delete(node);
        tunnel.close(1000, "unused");
      }
    }
  }
}
