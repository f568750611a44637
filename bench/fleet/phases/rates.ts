/** Sessions per second, from creation to end; then the latency of a page of them. */

import { eachAtOnce } from "../../../test/support/at-once.ts";
import { quantile } from "../../ready/figures.ts";
import { endSession, type Field, IMAGE, request, runSession, timed } from "../field.ts";
import { type MeasureName, notReached } from "../measures.ts";

const AT_ONCE = 12;
/** Time limit for the sessions of one size. */
export const RATE_LIMIT_MS = 60_000;

export async function rates(field: Field): Promise<void> {
  const { options, measure, say } = field;
  for (const [size, count] of Object.entries(options.effort.sessions)) {
    say(`${count} sessions of ${size}`);
    await rate(field, Number(size), count);
  }
  let listed = 0;
  const lists = await timed(options.effort.requests, async () => {
    const page = await request<{ items: unknown[] }>(field, "GET", "/v1/sessions?limit=200", 200);
    listed = page.items.length;
  });
  measure("listed", listed);
  measure("list50", quantile(lists, 0.5));
  measure("list99", quantile(lists, 0.99));
}

async function rate(field: Field, size: number, count: number): Promise<void> {
  const signal = AbortSignal.any([field.signal, AbortSignal.timeout(RATE_LIMIT_MS)]);
  const within = { ...field, signal };
  const began = performance.now();
  let lived = 0;
  try {
    await eachAtOnce(Array(count).keys(), AT_ONCE, async () => {
      const { id } = await runSession(within, { ...sized(size), image: IMAGE });
      await endSession(within, id);
      lived++;
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const seconds = (performance.now() - began) / 1000;
  const name = `rate${size}` as MeasureName;
  field.measure(name, lived < count ? notReached(lived, count, seconds) : lived / seconds);
}

function sized(size: number): object {
  return size === 1 ? {} : { clusterMode: "multi-node", clusterSize: size };
}
