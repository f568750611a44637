/** A stream of bytes that reads nothing ahead: each read of it asks for the next piece. So a slow reader holds back its source. */

export interface Pieces {
  /** Undefined: the end. */
  next(): Promise<string | Uint8Array | undefined>;
  /** Called once, however the stream ends. */
  close(): void;
}

const encoder = new TextEncoder();

export function pulledStream({ next, close }: Pieces): ReadableStream<Uint8Array> {
  let isOpen = true;
  const end = () => {
    if (isOpen) close();
    isOpen = false;
  };
  const source = {
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      try {
        const piece = await next();
        if (!isOpen) return;
        if (piece !== undefined) {
          return controller.enqueue(typeof piece === "string" ? encoder.encode(piece) : piece);
        }
        end();
        controller.close();
        // A byte stream that closes owes an answer to a read that waits.
        controller.byobRequest?.respond(0);
      } catch (error) {
        end();
        throw error;
      }
    },
    cancel: end,
  } as const;
  return new ReadableStream(source, { highWaterMark: 0 });
}
