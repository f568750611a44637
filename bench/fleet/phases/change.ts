/** One node joins while all others are linked, then leaves: the frames that the others get because of it. */
import { setTimeout as pause } from "node:timers/promises";
import { type Field, request } from "../field.ts";

export async function change(field: Field): Promise<void> {
  const { fleet, measure } = field;
  let guest = "";
  const joined = await sentBecauseOf(field, async () => {
    guest = await fleet.joinGuest();
  });
  measure("oneJoinFrames", joined.frames);
  measure("oneJoinBytes", joined.bytes / 1e3);
  const left = await sentBecauseOf(field, async () => {
    await fleet.leaveGuest();
    await request(field, "DELETE", `/v1/nodes/${guest}?force=true`, 204);
  });
  measure("oneLeaveFrames", left.frames);
  measure("oneLeaveBytes", left.bytes / 1e3);
}

async function sentBecauseOf(
  { fleet, options, signal }: Field,
  work: () => Promise<void>,
): Promise<{ frames: number; bytes: number }> {
  const { traffic: before } = await fleet.state();
  await work();
  await pause(options.effort.watchSeconds * 1000, undefined, { signal });
  const { traffic: after } = await fleet.state();
  return {
    frames: after.framesReceived - before.framesReceived,
    bytes: after.bytesReceived - before.bytesReceived,
  };
}
