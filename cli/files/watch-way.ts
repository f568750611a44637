/**
 * Notices that the API has fallen silent during a copy. Requests have no sign of life of their own: where the other end vanished without a
 * word, they would wait for minutes.
 */
import type { Skein } from "../../sdk/index.ts";
import { CliError } from "../cli-error.ts";

/** After so long without a byte the API is asked whether it is there. */
const STILL_MS = 8_000;
const ANSWER_MS = 8_000;
const EVERY_MS = 1_000;

export interface WatchedWay {
  /** Aborted with a CliError. */
  signal: AbortSignal;
  /** Something has moved. */
  moved(): void;
  /** Whether nothing has moved for a while, though the API is there: then it is the node that does not answer. */
  stoodStill(): boolean;
  close(): void;
}

/** Within 20 s. A copy that stands still while the API answers goes on: a container may be slow. */
export function watchWay(skein: Pick<Skein, "getHealth">): WatchedWay {
  const broken = new AbortController();
  let movedAt = performance.now();
  let askedAt = movedAt;
  let isAsking = false;
  const ask = async () => {
    isAsking = true;
    try {
      await skein.getHealth({ signal: AbortSignal.timeout(ANSWER_MS) });
      askedAt = performance.now();
    } catch {
      broken.abort(new CliError("the copy broke off in the middle: the API does not answer any more"));
    }
    isAsking = false;
  };
  const watching = setInterval(() => {
    if (!isAsking && performance.now() - Math.max(movedAt, askedAt) > STILL_MS) void ask();
  }, EVERY_MS);
  return {
    signal: broken.signal,
    moved() {
      movedAt = performance.now();
    },
    stoodStill: () => performance.now() - movedAt > STILL_MS,
    close: () => clearInterval(watching),
  };
}
