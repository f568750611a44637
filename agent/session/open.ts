/** Phase `running`: the gates open, and the commands run. */
import { openGate } from "../kit/gate.ts";
import { takeBack } from "../kit/handover.ts";
import { selfDir } from "./container-record.ts";
import { sessionDir } from "./context.ts";
import type { Part } from "./prepare.ts";

export async function open({ context, assignment, observed }: Part): Promise<void> {
  const dir = sessionDir(context, assignment.session);
  await Promise.all(
    assignment.containers.map(async ({ host }) => {
      const self = selfDir(dir, host);
      await takeBack(self);
      await openGate(self);
      // Else its command has ended already, and it is known what becomes of it.
      if (observed.container(host)?.status === "started") observed.set(host, "running");
    }),
  );
}
