/**
 * WebSocket messages inside a stream's data, both ways: a byte with the kind, four with the length (big endian), then the payload. Neither
 * side needs the frames of RFC 6455 for it: browsers' end at the API, the app's at the agent.
 */

/** As RFC 6455, 5.2 numbers them. A `close` has its code (2 bytes, big endian) and reason as payload, or nothing. */
export const KIND = { text: 1, binary: 2, close: 8 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** The longest message: workerd takes no longer one. Both sides hold one message of a stream, at most. */
export const MESSAGE_BYTES = 32 * 1024 * 1024;

const HEADER = 5;

export interface SocketMessage {
  kind: Kind;
  payload: Uint8Array<ArrayBuffer>;
}

export function encodeMessage(kind: Kind, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + payload.length);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, payload.length);
  bytes.set(payload, HEADER);
  return bytes;
}

/** Puts messages together from pieces of any size. */
export class MessageReader {
  readonly #header = new Uint8Array(HEADER);
  #headerBytes = 0;
  #message: SocketMessage | undefined;
  #filled = 0;

  /** The messages that are complete with this piece. @throws Error for what is no message, or is too long */
  *read(piece: Uint8Array): Generator<SocketMessage> {
    for (let at = 0; at < piece.length; ) {
      const message = this.#message;
      if (!message) {
        const taken = piece.subarray(at, at + HEADER - this.#headerBytes);
        this.#header.set(taken, this.#headerBytes);
        this.#headerBytes += taken.length;
        at += taken.length;
        if (this.#headerBytes < HEADER) return;
        this.#message = this.#begin();
      } else {
        const taken = piece.subarray(at, at + message.payload.length - this.#filled);
        message.payload.set(taken, this.#filled);
        this.#filled += taken.length;
        at += taken.length;
      }
      const whole = this.#message!;
      if (this.#filled < whole.payload.length) continue;
      this.#message = undefined;
      yield whole;
    }
  }

  #begin(): SocketMessage {
    const kind = this.#header[0] as Kind;
    const length = new DataView(this.#header.buffer).getUint32(1);
    if (!Object.values(KIND).includes(kind)) throw new Error("this is no message of a WebSocket");
    if (length > MESSAGE_BYTES)
      throw new Error(`a message of a WebSocket has at most ${MESSAGE_BYTES} bytes`);
    this.#headerBytes = 0;
    this.#filled = 0;
    return { kind, payload: new Uint8Array(length) };
  }
}

export interface CloseInfo {
  code: number;
  /** UTF-8. */
  reason: Uint8Array;
}

/** Codes that never stand in a frame: they say that it had none, that there was no frame, or that TLS failed (RFC 6455, 7.4.1). */
const NEVER_SENT: ReadonlySet<number> = new Set([1004, 1005, 1006, 1015]);

export function closeMessage({ code, reason }: CloseInfo): Uint8Array<ArrayBuffer> {
  if (NEVER_SENT.has(code)) return encodeMessage(KIND.close, new Uint8Array());
  const payload = new Uint8Array(2 + reason.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(reason, 2);
  return encodeMessage(KIND.close, payload);
}

/** Undefined: without a code. */
export function closeIn(payload: Uint8Array<ArrayBuffer>): CloseInfo | undefined {
  if (payload.length < 2) return undefined;
  const code = new DataView(payload.buffer).getUint16(0);
  return NEVER_SENT.has(code) ? undefined : { code, reason: payload.subarray(2) };
}
