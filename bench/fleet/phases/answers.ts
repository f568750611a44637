/** Latency of the API, one request after the other. */
import type { SessionView } from "../../../shared/session/session-schemas.ts";
import { eachAtOnce } from "../../../test/support/at-once.ts";
import { quantile } from "../../ready/figures.ts";
import { endSession, type Field, IMAGE, request, timed } from "../field.ts";

export async function answers(field: Field): Promise<void> {
  const { options, measure } = field;
  const { requests } = options.effort;

  const wide = { clusterMode: "multi-node", clusterSize: 64, image: IMAGE };
  const plans = await timed(requests, () => request(field, "POST", "/v1/plans", 200, wide));
  measure("plan50", quantile(plans, 0.5));
  measure("plan99", quantile(plans, 0.99));

  const made: string[] = [];
  const creations = await timed(requests, async () => {
    made.push((await request<SessionView>(field, "POST", "/v1/sessions", 202, { image: IMAGE })).id);
  });
  measure("create50", quantile(creations, 0.5));
  measure("create99", quantile(creations, 0.99));
  await eachAtOnce(made, 8, (id) => endSession(field, id));
}
