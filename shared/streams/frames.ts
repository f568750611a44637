/**
 * Frames of a tunnel: the bytes of many streams over one WebSocket. A binary message is one frame: 4 bytes with the stream's number (big
 * endian), 1 byte with the channel, then the payload. A client's own WebSocket carries one stream, so its frames have no number.
 */

/** Channels of a stream. `control` carries one JSON message per frame (stream-messages.ts). */
export const CHANNEL = { input: 0, output: 1, error: 2, control: 3 } as const;
export type Channel = (typeof CHANNEL)[keyof typeof CHANNEL];

/** Most bytes of data in one frame, and of text in one control message. */
export const FRAME_BYTES = 64 * 1024;
export const CONTROL_BYTES = 1024 * 1024;

export const TUNNEL_HEADER = 5;
export const CLIENT_HEADER = 1;

export interface Frame {
  stream: number;
  channel: Channel;
  payload: Uint8Array;
  /** The same as a client's frame: without the stream's number. */
  unnumbered: Uint8Array;
}

/** `memory`: where to write the frame, at least as long as it. */
export function encodeFrame(
  stream: number,
  channel: Channel,
  payload: Uint8Array,
  memory = new Uint8Array(TUNNEL_HEADER + payload.length),
): Uint8Array<ArrayBuffer> {
  const frame = memory.subarray(0, TUNNEL_HEADER + payload.length);
  new DataView(frame.buffer, frame.byteOffset).setUint32(0, stream);
  frame[4] = channel;
  frame.set(payload, TUNNEL_HEADER);
  return frame;
}

/** The result has views of `bytes`, not copies. Undefined if it is no frame, or too long. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const channel = channelAt(bytes, TUNNEL_HEADER);
  if (channel === undefined) return undefined;
  const stream = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const unnumbered = bytes.subarray(TUNNEL_HEADER - CLIENT_HEADER);
  return { stream, channel, payload: bytes.subarray(TUNNEL_HEADER), unnumbered };
}

/** The channel before the payload, in a frame with a header of `header` bytes. Undefined if it is no frame, or too long. */
export function channelAt(bytes: Uint8Array, header: number): Channel | undefined {
  if (bytes.length < header) return undefined;
  const channel = bytes[header - 1] as Channel;
  if (channel > CHANNEL.control) return undefined;
  const most = channel === CHANNEL.control ? CONTROL_BYTES : FRAME_BYTES;
  return bytes.length - header > most ? undefined : channel;
}
