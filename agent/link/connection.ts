/** One connection to the API, from the dial to the close: challenge, hello, welcome, then assignments. */
import WebSocket from "ws";
import {
  type ApiMessage,
  type Assign,
  CLOSE,
  connectProof,
  type Hello,
  type Nodes,
  PING,
  PONG,
  PROTOCOL,
} from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import type { Joined } from "../node/identity.ts";
import { readFrame } from "./api-frames.ts";

export interface ConnectionOptions {
  /** The API's URL, `http(s)://…`. */
  api: string;
  joined: Pick<Joined, "fleet" | "node">;
  /** Signs with the node's key: Ed25519 (RFC 8032), in base64url. */
  sign(text: string): string;
  /** The rest of `hello`, besides who the node is. */
  about(): Promise<About>;
  /** The link is up. */
  onWelcome(assignments: Assign[], up: Up): void;
  onAssign(assign: Assign): void;
  /** The API has replaced the node's key by this one. */
  onRotated(publicKey: string): void;
  /** A change of the fleet's nodes. False when an earlier change is missing: then the API has to send the whole list. */
  onNodes(nodes: Nodes): boolean;
}

export type About = Pick<Hello, "bootId" | "address" | "capacity" | "facts" | "has" | "nodes">;

/** A link that is up. `nonce` belongs to this connection. The functions do nothing once it is down. */
export interface Up {
  nonce: string;
  send(text: string): void;
  end(reason: string): void;
  /** Ends the link, and asks the API to send everything again on the next one. */
  resync(reason: string): void;
}

export interface Ended {
  /** The agent must not dial again. */
  stop: boolean;
  reason: string;
  /** The API's close code, if it sent one. */
  code?: number;
  /** How long the API asks the agent to stay away (Retry-After). */
  afterMs?: number;
  /** How long the link was up. */
  stableMs: number;
  /** Over how long to spread the next dial: all agents of the fleet may have lost their links at once. */
  spreadMs: number;
}

/** Of Retry-After no more than this counts. The random part comes on top. */
const MOST_AFTER_MS = 600_000;

/** For each frame, what must have arrived before it. */
const MAY_FOLLOW: Record<ApiMessage["type"], string[]> = {
  challenge: ["nothing"],
  welcome: ["challenge", "welcome"],
  assign: ["welcome"],
  rotated: ["welcome"],
  // Also before the welcome, so that the firewall has these addresses before it guards a session.
  nodes: ["challenge", "welcome"],
};

/** Resolves when the connection is over; never rejects. */
export function connect(options: ConnectionOptions, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    const socket = new WebSocket(connectUrl(options.api, options.joined.node), {
      handshakeTimeout: CONSTANTS.pingSeconds * 1000,
      maxPayload: 32 * 1024 * 1024,
      // Compression saves little on small frames, and costs the API 200 KB of zlib state per node.
      perMessageDeflate: false,
    });
    // A frame out of order is refused. An API that has not named its fleet must not say what to remove.
    let heard: "nothing" | "challenge" | "welcome" = "nothing";
    let upSince: number | undefined;
    let over = false;
    let nonce = "";
    let spreadMs = 0;

    const end = (reason: string, { stop = false, ...more }: Partial<Ended> = {}) => {
      if (over) return;
      over = true;
      clearInterval(pinging);
      clearTimeout(dead);
      signal.removeEventListener("abort", leave);
      socket.terminate();
      const stableMs = upSince === undefined ? 0 : performance.now() - upSince;
      resolve({ spreadMs: 0, ...more, stop, reason, stableMs });
    };
    const leave = () => {
      socket.close(1000);
      end("the agent is leaving", { stop: true });
    };
    const resync = (reason: string) => {
      if (!over) socket.close(CLOSE.resync.code, CLOSE.resync.reason);
      end(reason);
    };
    const pinging = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send(PING);
    }, CONSTANTS.pingSeconds * 1000);
    // A half-open socket raises no event, so silence ends the link. Any frame counts, not only a pong.
    const dead = setTimeout(
      () => end(`nothing was heard for ${CONSTANTS.linkDeadSeconds} s`),
      CONSTANTS.linkDeadSeconds * 1000,
    );

    const take = async (frame: ApiMessage) => {
      if (frame.type === "challenge") {
        heard = "challenge";
        const { fleet, node } = options.joined;
        const refusal = refusalOf(frame, fleet);
        if (refusal) return end(refusal, { stop: true });
        nonce = frame.nonce;
        const signature = options.sign(connectProof(fleet, node, nonce));
        const about = await options.about();
        const hello: Hello = { type: "hello", protocol: PROTOCOL, fleet, node, signature, ...about };
        if (!over) socket.send(JSON.stringify(hello));
      } else if (frame.type === "welcome") {
        heard = "welcome";
        upSince ??= performance.now();
        spreadMs = frame.redialMs;
        options.onWelcome(frame.assignments, {
          nonce,
          end: (reason) => end(reason),
          resync,
          send(text) {
            if (socket.readyState === WebSocket.OPEN) socket.send(text);
          },
        });
      } else if (frame.type === "rotated") {
        options.onRotated(frame.publicKey);
      } else if (frame.type === "nodes") {
        if (!options.onNodes(frame)) resync("a change of the fleet's nodes was missed");
      } else {
        options.onAssign(frame);
      }
    };

    signal.addEventListener("abort", leave);
    socket.on("message", (data, isBinary) => {
      dead.refresh();
      const text = String(data);
      if (over || text === PONG) return;
      let frame: ApiMessage;
      try {
        if (isBinary) throw new Error("a binary frame");
        frame = readFrame(text);
        if (!MAY_FOLLOW[frame.type].includes(heard)) throw new Error(`${frame.type} after ${heard}`);
      } catch (error) {
        socket.close(CLOSE.badMessage.code, CLOSE.badMessage.reason);
        return end(`the API sent a frame that this agent does not understand (${(error as Error).message})`);
      }
      take(frame).catch((error) => end(`hello could not be sent: ${error.message}`));
    });
    socket.on("close", (code, reason) => {
      const known = Object.values(CLOSE).find((each) => each.code === code);
      if (!known) return end(`closed with ${code} ${reason}`.trim(), { code, spreadMs });
      end(known.reason, { stop: !known.retry, code });
    });
    socket.on("unexpected-response", (_request, { statusCode, statusMessage, headers }) => {
      const afterMs = retryAfterMs(headers["retry-after"]);
      end(`the API answered ${statusCode} ${statusMessage}`, afterMs === undefined ? {} : { afterMs });
    });
    // Also fires after `end`: ws reports an error when a dialling socket is terminated.
    socket.on("error", (error) =>
      end(error.message || String((error as NodeJS.ErrnoException).code), { spreadMs }),
    );
    if (signal.aborted) leave();
  });
}

/** RFC 9110, 10.2.3, in seconds. The other form, a date, needs clocks that agree. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d+$/.test(header)
    ? Math.min(Number(header) * 1000, MOST_AFTER_MS)
    : undefined;
}

function connectUrl(api: string, node: string): URL {
  const url = new URL("/v1/agents/connect", api);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("node", node);
  return url;
}

/** Why the agent does not talk to this API; undefined when it does. */
function refusalOf(
  { fleet, protocol }: { fleet: string; protocol: { min: number; max: number } },
  joined: string,
): string | undefined {
  if (fleet !== joined) {
    return (
      `this API is of another fleet (${fleet}) than the one this node joined (${joined}). Nothing was changed here. ` +
      "If that API is the right one, join it with another --state and a new join token"
    );
  }
  if (protocol.min > PROTOCOL.max || protocol.max < PROTOCOL.min) {
    return (
      `no protocol version in common: the API speaks ${protocol.min} to ${protocol.max}, this agent ${PROTOCOL.min} to ` +
      `${PROTOCOL.max}. Update the older one`
    );
  }
  return undefined;
}
