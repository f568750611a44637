/** A tar archive on its way into a container: everything in it gets the container's user as its owner, and devices are refused. */
import { once } from "node:events";
import { Readable, type Writable } from "node:stream";
import { extract, type Header, pack } from "tar-stream";

export interface Owner {
  uid: number;
  gid: number;
}

/** The bytes are no tar archive, or the archive has a device. */
export class BadArchive extends Error {
  override readonly name = "BadArchive";
}

/** The engine would make them as the node's root. The container's own user may not. */
const REFUSED: ReadonlySet<unknown> = new Set(["character-device", "block-device"]);

/** Reads `source` only as fast as it is read itself. It fails with BadArchive where `source` is no whole tar archive, or with its error. */
export function ownedBy(source: AsyncIterable<Buffer>, owner: Owner): Readable {
  const [before, after] = [extract(), pack()];
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    before.destroy();
    after.destroy(failure);
  };
  before.on("error", (error) => fail(new BadArchive(error.message)));
  after.on("error", () => {});

  async function feed(): Promise<void> {
    for await (const piece of source) {
      await taken(before as unknown as Writable, piece);
      if (before.destroyed) return;
    }
    (before as unknown as Writable).end();
  }

  before.on("entry", (header, body, next) => {
    copy(header, body).then(() => next(), fail);
  });
  before.on("finish", () => after.finalize());

  // Each is destroyed with its archive, and says so: unheard, that would end the agent.
  const quiet = (stream: unknown) => (stream as Writable).on("error", () => {});

  async function copy(header: Header, body: AsyncIterable<unknown>): Promise<void> {
    quiet(body);
    if (REFUSED.has(header.type)) throw new BadArchive(`${header.name} is a device`);
    const written = Promise.withResolvers<void>();
    // streamx's types know fewer arguments than its streams take.
    const sink = after.entry(ownedHeader(header, owner), (error) =>
      error ? written.reject(error) : written.resolve(),
    ) as unknown as Writable;
    quiet(sink);
    written.promise.catch(() => {});
    for await (const piece of body) await taken(sink, piece as Buffer);
    sink.end();
    await written.promise;
  }

  async function* read(): AsyncGenerator<Buffer> {
    feed().catch(fail);
    try {
      for await (const piece of after) yield piece as Buffer;
    } catch (error) {
      throw failure ?? error;
    } finally {
      before.destroy();
      after.destroy();
    }
    if (failure) throw failure;
  }
  return Readable.from(read(), { objectMode: false });
}

/** Resolves when the stream takes more, or is over. */
async function taken(sink: Writable, piece: Buffer): Promise<void> {
  if (sink.write(piece)) return;
  const waiting = new AbortController();
  const { signal } = waiting;
  const wait = (event: string) => once(sink, event, { signal }).catch(() => {});
  await Promise.race([wait("drain"), wait("close")]);
  waiting.abort();
}

/** Names of owners win over numbers where the unpacker knows them, so they go. */
function ownedHeader(header: Header, { uid, gid }: Owner): Header {
  const owned = { ...header, uid, gid, uname: "", gname: "" };
  if (!header.pax) return owned;
  const pax: Record<string, string> = { ...header.pax };
  for (const field of ["uid", "gid", "uname", "gname"]) delete pax[field];
  return { ...owned, pax };
}
