/**
 * The Tunnel object of one session: agents' tunnels on one side, clients' streams on the other. It stores nothing. Its sockets do not
 * hibernate, since a stream's credit is in memory: it lives as long as somebody uses it, and the session's own object stays swift.
 */
import { DurableObject } from "cloudflare:workers";
import { SkeinError } from "../../shared/errors/errors.ts";
import { CLOSE } from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import type { FileStat, OpenFiles } from "../../shared/streams/stream-messages.ts";
import { TokenWatch } from "../access/token-watch.ts";
import { turnAway } from "../link/link-sockets.ts";
import { noteStreams } from "../link/open-links.ts";
import { sessionOf } from "../platform/objects.ts";
import { pulledStream } from "../platform/pulled-stream.ts";
import { requestApp } from "./app-request.ts";
import { ClientSocket } from "./client-socket.ts";
import {
  type AppDial,
  type ClientDial,
  DIAL_HEADER,
  type Dialling,
  type FilesDial,
  type LogsDial,
  type TunnelNode,
} from "./dials.ts";
import { FilesStream } from "./files-stream.ts";
import { LogStream } from "./log-stream.ts";
import type { NodeTunnel } from "./node-tunnel.ts";
import { NodeTunnels } from "./node-tunnels.ts";
import { putInto } from "./put-files.ts";

const CLIENT_DEAD_MS = CONSTANTS.linkDeadSeconds * 1000;
/** How often silence is looked for. */
const WATCH_MS = 2_000;
/** What browsers and the SDK offer besides the token. */
const SUBPROTOCOL = "skein.v1";

const REVOKED = "the token was revoked or has expired";

export class Tunnel extends DurableObject<Cloudflare.Env> {
  readonly #tunnels = new NodeTunnels(this.env, (tunnel, reason) => {
    for (const client of this.#clients) client.tunnelOver(tunnel, reason);
  });
  readonly #clients = new Set<ClientSocket>();
  readonly #tokens = new TokenWatch(this.env);
  #sockets = 0;
  #watching: number | null = null;

  /**
   * Makes sure that the node's tunnel is open and has room for a stream.
   * @throws SkeinError `node_disconnected`, `too_many_streams`
   */
  async admit(session: string, node: TunnelNode): Promise<void> {
    const tunnel = await this.#tunnels.to(session, node);
    // Keeps it open until the stream comes.
    tunnel.idleSince = Date.now();
    if (tunnel.isFull) throw tooMany(node);
  }

  /** An agent or a client dials. The edge has authenticated a client; an agent proves its key here. */
  override async fetch(request: Request): Promise<Response> {
    const dial = JSON.parse(request.headers.get(DIAL_HEADER)!) as Dialling | ClientDial | AppDial;
    if ("app" in dial) return await this.#app(request, dial);
    const { 0: client, 1: server } = new WebSocketPair();
    if ("publicKey" in dial) {
      if (!this.#tunnels.isAwaited(dial.node)) return turnAway(CLOSE.resync);
      this.#accept(server);
      this.#tunnels.challenge(server, dial);
    } else {
      const tunnel = this.#tunnels.openTo(dial.node.id);
      if (!tunnel) return turnAway({ code: 4100, reason: "node_disconnected" });
      this.#accept(server);
      this.#serve(server, dial, tunnel);
    }
    const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
    const isOurs = offered.some((each) => each.trim() === SUBPROTOCOL);
    return new Response(null, {
      status: 101,
      webSocket: client,
      ...(isOurs ? { headers: { "sec-websocket-protocol": SUBPROTOCOL } } : {}),
    });
  }

  /** Logs of the session's containers, as the answer's body. */
  logs({ session, nodes, since, tail, follow, format, token }: LogsDial): ReadableStream<Uint8Array> {
    const query = {
      follow,
      ...(since === undefined ? {} : { since: BigInt(since) }),
      ...(tail === undefined ? {} : { tail }),
    };
    const stream = new LogStream({
      nodes: nodes.map(({ node, hosts }) => ({
        node,
        hosts,
        query,
        tunnel: () => this.#tunnels.to(session, node),
        isOver: () => sessionOf(this.env, session).isOver(),
      })),
      format,
      several: nodes.reduce((sum, { hosts }) => sum + hosts.length, 0) > 1,
    });
    const unwatch = this.#tokens.watch(token, () => stream.stop());
    return stream.bytes(unwatch);
  }

  /** What a path in a container is. @throws SkeinError */
  async statFiles(dial: FilesDial): Promise<FileStat> {
    const [opened] = await this.#openFiles(dial, "stat");
    return await opened!.stream.stat().finally(opened!.unwatch);
  }

  /** A path of a container as a tar archive, and what it is. @throws SkeinError */
  async getFiles(dial: FilesDial): Promise<{ stat: FileStat; body: ReadableStream<Uint8Array> }> {
    const [opened] = await this.#openFiles(dial, "get");
    const { stream, unwatch } = opened!;
    const close = () => {
      unwatch();
      stream.end("client_gone", "the client is gone");
    };
    try {
      return { stat: await stream.stat(), body: pulledStream({ next: () => stream.read(), close }) };
    } catch (error) {
      close();
      throw error;
    }
  }

  /** Unpacks a tar archive in containers; none gets anything unless all can be entered. @throws SkeinError that names those that failed */
  async putFiles(dial: FilesDial, body: ReadableStream<Uint8Array>): Promise<void> {
    const opened = await this.#openFiles(dial, "put");
    try {
      await putInto(
        opened.map(({ stream }) => stream),
        body,
      );
    } finally {
      for (const { stream, unwatch } of opened) {
        unwatch();
        stream.end("client_gone", "the client is gone");
      }
    }
  }

  async #openFiles(
    { session, targets, path, parents, token }: FilesDial,
    direction: OpenFiles["direction"],
  ): Promise<{ stream: FilesStream; unwatch: () => void }[]> {
    const tunnels = await Promise.all(targets.map(({ node }) => this.#tunnels.to(session, node)));
    return targets.map(({ host, node }, at) => {
      const tunnel = tunnels[at]!;
      if (tunnel.isFull) throw tooMany(node);
      const stream = new FilesStream(tunnel, {
        kind: "files",
        host,
        direction,
        path,
        ...(parents ? { parents } : {}),
      });
      return { stream, unwatch: this.#tokens.watch(token, () => stream.end("revoked", REVOKED)) };
    });
  }

  /** A browser's request to an app, which the edge has authenticated. */
  async #app(request: Request, dial: AppDial): Promise<Response> {
    const { node, token } = dial;
    const tunnel = this.#tunnels.openTo(node.id);
    if (!tunnel) throw new SkeinError("node_disconnected", `the tunnel to ${node.name} broke: try again`);
    if (tunnel.isFull) throw tooMany(node);
    return await requestApp(tunnel, request, dial, {
      isOurs: (text) => text === this.env.SKEIN_ADMIN_TOKEN,
      accept: (socket) => this.#accept(socket),
      onStream: (stream) => {
        const unwatch = this.#tokens.watch(token, () => stream.end("revoked", REVOKED));
        void stream.over.then(unwatch);
      },
    });
  }

  #serve(socket: WebSocket, { wanted, token }: ClientDial, tunnel: NodeTunnel): void {
    const client = new ClientSocket(socket, wanted, tunnel, Date.now());
    const stop = this.#tokens.watch(token, () => client.end("revoked", REVOKED));
    this.#clients.add(client);
    client.onGone(() => {
      stop();
      this.#clients.delete(client);
    });
  }

  #accept(socket: WebSocket): void {
    socket.accept();
    socket.binaryType = "arraybuffer";
    this.#count(1);
    let isGone = false;
    const gone = () => {
      if (!isGone) this.#count(-1);
      isGone = true;
    };
    // After a frame over workerd's limit there is an `error` and no `close`.
    socket.addEventListener("close", gone);
    socket.addEventListener("error", gone);
    this.#watching ??= setInterval(() => this.#watch(), WATCH_MS);
  }

  /** Ends what has been silent, or unused, for too long. */
  #watch(): void {
    const now = Date.now();
    this.#tunnels.watch(now);
    for (const client of this.#clients) {
      if (client.seenAt < now - CLIENT_DEAD_MS)
        client.end("client_gone", "the client was silent for too long");
    }
    if (this.#sockets > 0) return;
    clearInterval(this.#watching);
    this.#watching = null;
  }

  #count(change: number): void {
    this.#sockets += change;
    noteStreams(this.ctx.id.toString(), this.#sockets);
  }
}

function tooMany({ name }: TunnelNode): SkeinError {
  return new SkeinError(
    "too_many_streams",
    `as many streams are open to ${name} in this session as may be: close some`,
    { retryAfter: 5 },
  );
}
