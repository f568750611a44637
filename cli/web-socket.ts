/** WebSockets by a library with native code: Node's own takes 3 s of CPU to mask 1 GB, in JavaScript. */

/** As `new WebSocket` of the platform. Loaded only where a stream is opened: most commands have none. */
export async function webSocket(url: URL, protocols: string[]): Promise<WebSocket> {
  const { default: LibrarySocket } = await import("ws");
  const socket = new LibrarySocket(url, protocols, { perMessageDeflate: false });
  // It has all of the standard that the SDK uses.
  return socket as unknown as WebSocket;
}
