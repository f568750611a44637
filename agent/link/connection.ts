/** One connection to the API, from the dial to the close: challenge, hello, welcome, then assignments until it breaks. */
import WebSocket from "ws";
import { CLOSE, connectProof, type Hello, PING, PONG, PROTOCOL } from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import type { Joined } from "../node/identity.ts";
import { type Desired, type Frame, readFrame } from "./api-frames.ts";

export interface ConnectionOptions {
  /** The API's URL, `http(s)://…`. */
  api: string;
  joined: Pick<Joined, "fleet" | "node">;
  /** With the node's key: Ed25519 (RFC 8032), base64url. */
  sign(text: string): string;
  /** What hello says besides who we are. */
  about(): Promise<Pick<Hello, "bootId" | "address" | "capacity" | "facts">>;
  /** The link is up. */
  onWelcome(assignments: Desired[], up: Up): void;
  onAssign(desired: Desired): void;
  /** The API has replaced the node's key by this one. */
  onRotated(publicKey: string): void;
  /** Where the fleet's nodes are. */
  onNodes(addresses: string[]): void;
}

/** A link that is up. `nonce` is this connection's own; the others do nothing once it is down. */
export interface Up {
  nonce: string;
  send(text: string): void;
  end(reason: string): void;
}

/** How a connection ended. `code`: the API's close code, where it sent one. `stop`: dialling again would be of no use. `stableMs`: how long the link was up. */
export interface Ended {
  stop: boolean;
  reason: string;
  code?: number;
  stableMs: number;
}

/** What may have been heard last when a frame comes. */
const MAY_FOLLOW: Record<Frame["type"], string[]> = {
  challenge: ["nothing"],
  welcome: ["challenge", "welcome"],
  assign: ["welcome"],
  rotated: ["welcome"],
  nodes: ["welcome"],
};

/** Resolves when the connection is over; never rejects. */
export function connect(options: ConnectionOptions, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    const socket = new WebSocket(connectUrl(options.api, options.joined.node), {
      handshakeTimeout: CONSTANTS.pingSeconds * 1000,
      maxPayload: 32 * 1024 * 1024,
    });
    // What comes before its time is not understood: who has not said which fleet it is must not tell what to remove.
    let heard: "nothing" | "challenge" | "welcome" = "nothing";
    let upSince: number | undefined;
    let over = false;
    let nonce = "";

    const end = (reason: string, stop = false, code?: number) => {
      if (over) return;
      over = true;
      clearInterval(pinging);
      clearTimeout(dead);
      signal.removeEventListener("abort", leave);
      socket.terminate();
      const stableMs = upSince === undefined ? 0 : performance.now() - upSince;
      resolve({ stop, reason, stableMs, ...(code === undefined ? {} : { code }) });
    };
    const leave = () => {
      socket.close(1000);
      end("the agent is leaving", true);
    };
    const pinging = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send(PING);
    }, CONSTANTS.pingSeconds * 1000);
    // Silence, and not a missing pong alone: a half-open socket raises no event of its own.
    const dead = setTimeout(
      () => end(`nothing was heard for ${CONSTANTS.linkDeadSeconds} s`),
      CONSTANTS.linkDeadSeconds * 1000,
    );

    const take = async (frame: Frame) => {
      if (frame.type === "challenge") {
        heard = "challenge";
        const { fleet, node } = options.joined;
        const refusal = refusalOf(frame, fleet);
        if (refusal) return end(refusal, true);
        nonce = frame.nonce;
        const signature = options.sign(connectProof(fleet, node, nonce));
        const about = await options.about();
        const hello: Hello = { type: "hello", protocol: PROTOCOL, fleet, node, signature, ...about };
        if (!over) socket.send(JSON.stringify(hello));
      } else if (frame.type === "welcome") {
        heard = "welcome";
        upSince ??= performance.now();
        options.onWelcome(frame.assignments, {
          nonce,
          end,
          send(text) {
            if (socket.readyState === WebSocket.OPEN) socket.send(text);
          },
        });
      } else if (frame.type === "rotated") {
        options.onRotated(frame.publicKey);
      } else if (frame.type === "nodes") {
        options.onNodes(frame.addresses);
      } else {
        options.onAssign(frame);
      }
    };

    signal.addEventListener("abort", leave);
    socket.on("message", (data, isBinary) => {
      dead.refresh();
      const text = String(data);
      if (over || text === PONG) return;
      let frame: Frame;
      try {
        if (isBinary) throw new Error("a frame of bytes");
        frame = readFrame(text);
        if (!MAY_FOLLOW[frame.type].includes(heard)) throw new Error(`${frame.type} after ${heard}`);
      } catch (error) {
        socket.close(CLOSE.badMessage.code, CLOSE.badMessage.reason);
        return end(`the API sent what we do not understand (${(error as Error).message})`);
      }
      take(frame).catch((error) => end(`hello could not be said: ${error.message}`));
    });
    socket.on("close", (code, reason) => {
      const known = Object.values(CLOSE).find((each) => each.code === code);
      end(known?.reason ?? `closed with ${code} ${reason}`.trim(), known?.retry === false, code);
    });
    socket.on("unexpected-response", (_request, response) => {
      end(`the API answered ${response.statusCode} ${response.statusMessage}`);
    });
    // After `end` too: terminating a socket that still dials is an error to ws.
    socket.on("error", (error) => end(error.message || String((error as NodeJS.ErrnoException).code)));
    if (signal.aborted) leave();
  });
}

function connectUrl(api: string, node: string): URL {
  const url = new URL("/v1/agents/connect", api);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("node", node);
  return url;
}

/** Why we do not talk to who sent this challenge; undefined when we do. */
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
