/** `skein forward`. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { CliError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand } from "../command.ts";
import { forward as listen } from "../forward.ts";
import { print, say } from "../print.ts";
import { text } from "../terminal-text.ts";
import { portNumber } from "../values.ts";

export const forward = defineCommand({
  options: {},
  positionals: { name: "SESSION [HOST:]PORT [LOCAL]", min: 2, max: 3 },
  notes:
    "HOST is main1 unless given. LOCAL is the port on this machine (127.0.0.1): the same unless given, 0 for a free one.\n" +
    "Carries connections until Ctrl-C: first to 127.0.0.1 inside the container, then to its address in the session.",
  async run({ positionals: [session, target, given] }) {
    const [, host = "main1", number] = /^(?:([^:]*):)?(.*)$/.exec(target!)!;
    const port = portNumber("PORT", number!, 1);
    const local = given === undefined ? port : portNumber("LOCAL", given, 0);
    await withApi(async (skein) => {
      // Refuses at once what cannot work, instead of at the first connection.
      const { containers, name } = await skein.getSession({ path: { id: session! } });
      if (!containers.some((each) => each.host === host)) {
        const hosts = containers.map((each) => each.host).join(", ");
        throw new CliError(`session ${name} has no container ${host}`, `it has ${hosts}`);
      }
      const server = await listen(skein, { container: { session: session!, host }, port, local }, say);
      const { port: here } = server.address() as AddressInfo;
      print(text`127.0.0.1:${here} leads to port ${port} of ${host} in ${name}`);
      await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
      process.exit(0);
    });
  },
});
