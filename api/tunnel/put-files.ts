/** One tar archive into several containers at once, as fast as the slowest of them takes it. */
import { SkeinError } from "../../shared/errors/errors.ts";
import { FRAME_BYTES } from "../../shared/streams/frames.ts";
import { type FilesStream, problemOf } from "./files-stream.ts";

/** A container that fails does not hold up the others. @throws SkeinError that names those that failed */
export async function putInto(
  streams: readonly FilesStream[],
  body: ReadableStream<Uint8Array>,
): Promise<void> {
  await Promise.all(streams.map((stream) => stream.opened()));
  // Nothing was changed yet: all or none begin.
  if (streams.some(({ ended }) => ended && ended.code !== "done")) await readOn(body);
  refuse(streams);
  for await (const bytes of piecesOf(body, Promise.all(streams.map(({ over }) => over)))) {
    await Promise.all(streams.map((stream) => stream.write(bytes)));
  }
  await Promise.all(streams.map((stream) => stream.finish()));
  refuse(streams);
}

const READ_ON_MS = 2_000;

/**
 * Until its end, or for a while. A client that still sends when its connection is closed loses the answer: the kernel then drops what has
 * come (RFC 9112, 9.6).
 */
async function readOn(body: ReadableStream<Uint8Array>): Promise<void> {
  const enough = AbortSignal.timeout(READ_ON_MS);
  await body.pipeTo(new WritableStream(), { signal: enough }).catch(() => {});
}

/** Of a thousand only so many are named. */
const MOST_NAMED = 16;

function refuse(streams: readonly FilesStream[]): void {
  const failed = streams.flatMap(({ host, ended }) =>
    ended && ended.code !== "done" ? [{ host, problem: problemOf(ended) }] : [],
  );
  const [first] = failed;
  if (!first) return;
  if (streams.length === 1) throw first.problem;
  const { code, extra } = first.problem;
  const named = failed.slice(0, MOST_NAMED).map(({ host }) => host);
  const more = failed.length > named.length ? ` and ${failed.length - named.length} more` : "";
  throw new SkeinError(
    code,
    `${failed.length} of ${streams.length} containers did not take the files: ${named.join(", ")}${more} (${first.problem.message})`,
    {
      ...extra,
      errors: failed.map(({ host, problem }) => ({ field: host, message: problem.message })),
    },
  );
}

/** Until all streams are over. Whole frames: a body comes in pieces of some KiB, and each frame costs. */
async function* piecesOf(
  body: ReadableStream<Uint8Array>,
  over: Promise<unknown>,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader({ mode: "byob" });
  try {
    for (;;) {
      const read = reader.readAtLeast(FRAME_BYTES, new Uint8Array(FRAME_BYTES));
      const next = await Promise.race([read, over.then(() => undefined)]);
      if (!next) {
        read.catch(() => {});
        return;
      }
      const { value, done } = next;
      if (value && value.length > 0) yield value;
      if (done || !value || value.length < FRAME_BYTES) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
