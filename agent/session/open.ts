/** Phase `running`: opens the gates, so that the commands run. */
import { openGate } from "../kit/gate.ts";
import { takeBack } from "../kit/handover.ts";
import { selfDir } from "./container-record.ts";
import { sessionDir } from "./context.ts";
import type { SessionTask } from "./prepare.ts";

export async function open({ context, assignment, observed }: SessionTask): Promise<void> {
  const dir = sessionDir(context, assignment.session);
  await Promise.all(
    assignment.containers.map(async ({ host }) => {
      const self = selfDir(dir, host);
      await takeBack(self);
      await openGate(self);
      // Otherwise its command has ended already, and its state says so.
      if (observed.container(host)?.status === "started") observed.set(host, "running");
    }),
  );
}
