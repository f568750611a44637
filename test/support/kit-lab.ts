/** Shared by the tests of the kit on a lab: one host, and the kit that its sessions use. */
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { buildKit } from "../../agent/kit/build.ts";
import type { LabHost } from "../lab/host.ts";
import type { ImageSet } from "../lab/images.ts";
import { type Lab, startLab } from "../lab/lab.ts";
import type { Place } from "./kit-session.ts";

export interface KitLab extends Place {
  machine: LabHost;
}

/** Brings it up before all tests of a file, and down after them. `images`: sets besides the standard one. */
export function useKitLab(images: readonly ImageSet[] = []): KitLab {
  let lab: Lab | undefined;
  const here = {} as KitLab;

  beforeAll(async () => {
    // Built from the binaries that `./skein setup` has fetched: the lab reaches no registry.
    here.kit = await buildKit(join(import.meta.dirname, "../../.skein/kit"));
    lab = await startLab({ hosts: 1, images });
    here.machine = lab.hosts[0]!;
    here.docker = here.machine.docker;
    here.dir = here.machine.dir;
  });

  afterAll(() => lab?.close());

  return here;
}
