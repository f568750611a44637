/** `skein demo`: the main job on this machine, in its own lab. cli/demo/inside.ts has what it shows. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enterLab } from "../../test/lab/enter.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand, JSON_ERRORS } from "../command.ts";
import { type Keep, SOCKETS_DIR } from "../demo/keep.ts";
import { relay } from "../demo/relay.ts";
import { ensureKit } from "../kit.ts";
import { ROOT } from "../paths.ts";

export const demo = defineCommand({
  options: {
    ...JSON_ERRORS,
    keep: { type: "boolean", about: "keep it up until Ctrl-C, to try things" },
  },
  notes:
    "Starts an API and three Linux hosts (network namespaces on a virtual LAN), each with a Docker engine and an agent.\n" +
    "Then it runs sessions on them. Needs Linux and root. It does not touch the machine's own network or engine.",
  async run({ options }) {
    if (process.platform !== "linux")
      throw new CliError("the demo needs Linux: it starts Docker hosts in network namespaces");
    await ensureKit();
    const inside = [process.execPath, join(ROOT, "cli/demo/inside.ts")];
    if (!options.keep) return enterLab(inside);
    // In /tmp, because the path of a socket may have only 107 bytes, and a checkout's may be long.
    const directory = mkdtempSync(join(tmpdir(), "skein-demo-"));
    const sockets: Keep = { directory, port: 0 };
    const server = await relay({ host: "127.0.0.1", port: 0 }, { path: join(directory, "api.sock") });
    try {
      sockets.port = (server.address() as { port: number }).port;
      return await enterLab(inside, { env: { [SOCKETS_DIR]: JSON.stringify(sockets) } });
    } finally {
      server.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
});
