/**
 * Dials the API as a node, and watches over the connection: keep-alive, silence, the close codes. The control link (connection.ts) and the
 * tunnels (agent/streams) are protocols on top of it.
 */
import WebSocket from "ws";
import { CLOSE, PING, PONG } from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";

export interface DialOptions {
  url: URL;
  /** A text message. A rejection ends the connection. */
  onText(text: string, dialled: Dialled): Promise<void>;
  /** A binary message. Missing: none is allowed. */
  onBinary?(bytes: Buffer): void;
}

/** An open connection. The functions do nothing once it is over. */
export interface Dialled {
  /** `sent`: the data is not read any longer, whether it has arrived or not. */
  send(data: string | Uint8Array, sent?: () => void): void;
  /** Bytes that wait to be sent. */
  waiting(): number;
  end(reason: string, more?: Partial<Ended>): void;
  /** Ends it with a close code for the API. */
  close(why: { code: number; reason: string }, reason: string): void;
}

export interface Ended {
  /** The agent must not dial again. */
  stop: boolean;
  reason: string;
  /** The API's close code, if it sent one. */
  code?: number;
  /** How long the API asks the agent to stay away (Retry-After). */
  afterMs?: number;
  /** The connection broke without a close code of ours: all agents of the fleet may have lost theirs at once. */
  broke: boolean;
}

/** Of Retry-After no more than this counts. The random part comes on top. */
const MOST_AFTER_MS = 600_000;

/** `http(s)://…` of the API as the URL of a WebSocket. */
export function socketUrl(api: string, path: string, query: Record<string, string>): URL {
  const url = new URL(path, api);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

/** Resolves when the connection is over; never rejects. */
export function dial({ url, onText, onBinary }: DialOptions, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, {
      handshakeTimeout: CONSTANTS.pingSeconds * 1000,
      maxPayload: 32 * 1024 * 1024,
      // Compression saves little on small frames, and costs the API 200 KB of zlib state per node.
      perMessageDeflate: false,
    });
    let over = false;
    const end = (reason: string, more: Partial<Ended> = {}) => {
      if (over) return;
      over = true;
      clearInterval(pinging);
      clearTimeout(dead);
      signal.removeEventListener("abort", leave);
      socket.terminate();
      resolve({ stop: false, broke: false, ...more, reason });
    };
    const leave = () => {
      socket.close(1000);
      end("the agent is leaving", { stop: true });
    };
    const dialled: Dialled = {
      send(data, sent) {
        if (socket.readyState === WebSocket.OPEN) socket.send(data, sent);
        else sent?.();
      },
      waiting: () => socket.bufferedAmount,
      end,
      close({ code, reason: why }, reason) {
        if (!over) socket.close(code, why);
        end(reason);
      },
    };
    const pinging = setInterval(() => dialled.send(PING), CONSTANTS.pingSeconds * 1000);
    // A half-open socket raises no event, so silence ends the connection. Any frame counts, not only a pong.
    const dead = setTimeout(
      () => end(`nothing was heard for ${CONSTANTS.linkDeadSeconds} s`),
      CONSTANTS.linkDeadSeconds * 1000,
    );
    const refuse = (error: Error) =>
      dialled.close(
        CLOSE.badMessage,
        `the API sent a frame that this agent does not understand (${error.message})`,
      );

    signal.addEventListener("abort", leave);
    socket.on("message", (data, isBinary) => {
      dead.refresh();
      if (over) return;
      if (!isBinary) {
        const text = String(data);
        if (text !== PONG) onText(text, dialled).catch(refuse);
        return;
      }
      try {
        if (!onBinary) throw new Error("a binary frame");
        onBinary(data as Buffer);
      } catch (error) {
        refuse(error as Error);
      }
    });
    socket.on("close", (code, reason) => {
      const known = Object.values(CLOSE).find((each) => each.code === code);
      if (!known) return end(`closed with ${code} ${reason}`.trim(), { code, broke: true });
      end(known.reason, { stop: !known.retry, code });
    });
    socket.on("unexpected-response", (_request, { statusCode, statusMessage, headers }) => {
      const afterMs = retryAfterMs(headers["retry-after"]);
      end(`the API answered ${statusCode} ${statusMessage}`, afterMs === undefined ? {} : { afterMs });
    });
    // Also fires after `end`: ws reports an error when a dialling socket is terminated.
    socket.on("error", (error) =>
      end(error.message || String((error as NodeJS.ErrnoException).code), { broke: true }),
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
