/** One connection to the API, from the dial to the close: challenge, hello, welcome, then assignments. */
import {
  type ApiMessage,
  type Assign,
  CLOSE,
  connectProof,
  type Hello,
  type Nodes,
  PROTOCOL,
  type TunnelWanted,
} from "../../shared/protocol/protocol.ts";
import type { Joined } from "../node/identity.ts";
import { readFrame } from "./api-frames.ts";
import { type Dialled, dial, type Ended, socketUrl } from "./dial.ts";

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
  /** Somebody wants to reach a session's containers here. */
  onTunnel(wanted: TunnelWanted): void;
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

export interface LinkEnded extends Ended {
  /** How long the link was up. */
  stableMs: number;
  /** Over how long to spread the next dial: all agents of the fleet may have lost their links at once. */
  spreadMs: number;
}

/** For each frame, what must have arrived before it. */
const MAY_FOLLOW: Record<ApiMessage["type"], string[]> = {
  challenge: ["nothing"],
  welcome: ["challenge", "welcome"],
  assign: ["welcome"],
  rotated: ["welcome"],
  tunnel: ["welcome"],
  // Also before the welcome, so that the firewall has these addresses before it guards a session.
  nodes: ["challenge", "welcome"],
};

/** Resolves when the connection is over; never rejects. */
export async function connect(options: ConnectionOptions, signal: AbortSignal): Promise<LinkEnded> {
  const { api, joined } = options;
  // A frame out of order is refused. An API that has not named its fleet must not say what to remove.
  let heard: "nothing" | "challenge" | "welcome" = "nothing";
  let upSince: number | undefined;
  let nonce = "";
  let redialMs = 0;

  const take = async (frame: ApiMessage, dialled: Dialled) => {
    const resync = (reason: string) => dialled.close(CLOSE.resync, reason);
    if (frame.type === "challenge") {
      heard = "challenge";
      const { fleet, node } = joined;
      const refusal = refusalOf(frame, fleet);
      if (refusal) return dialled.end(refusal, { stop: true });
      nonce = frame.nonce;
      const signature = options.sign(connectProof(fleet, node, nonce));
      const about = await options.about().catch((error: Error) => {
        dialled.end(`hello could not be sent: ${error.message}`);
      });
      if (!about) return;
      const hello: Hello = { type: "hello", protocol: PROTOCOL, fleet, node, signature, ...about };
      dialled.send(JSON.stringify(hello));
    } else if (frame.type === "welcome") {
      heard = "welcome";
      upSince ??= performance.now();
      redialMs = frame.redialMs;
      const { send, end } = dialled;
      options.onWelcome(frame.assignments, { nonce, send, end, resync });
    } else if (frame.type === "rotated") {
      options.onRotated(frame.publicKey);
    } else if (frame.type === "nodes") {
      if (!options.onNodes(frame)) resync("a change of the fleet's nodes was missed");
    } else if (frame.type === "tunnel") {
      options.onTunnel(frame);
    } else {
      options.onAssign(frame);
    }
  };

  const ended = await dial(
    {
      url: socketUrl(api, "/v1/agents/connect", { node: joined.node }),
      async onText(text, dialled) {
        const frame = readFrame(text);
        if (!MAY_FOLLOW[frame.type].includes(heard)) throw new Error(`${frame.type} after ${heard}`);
        await take(frame, dialled);
      },
    },
    signal,
  );
  return {
    ...ended,
    stableMs: upSince === undefined ? 0 : performance.now() - upSince,
    spreadMs: ended.broke ? redialMs : 0,
  };
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
