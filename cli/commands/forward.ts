/** `skein forward`: a port of this machine, or with `--stdio` one connection, for programs like OpenSSH that call it. */
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { StreamBroken } from "../../sdk/index.ts";
import { forward as startForward } from "../../sdk/node.ts";
import { attachPort } from "../attach.ts";
import { carryBytes } from "../carry-bytes.ts";
import { CliError, UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson, say } from "../print.ts";
import { text } from "../terminal-text.ts";
import { portNumber } from "../values.ts";

export const forward = defineCommand({
  options: {
    stdio: { type: "boolean", about: "one connection, by stdin and stdout: a ProxyCommand for OpenSSH" },
    ...JSON_OPTION,
  },
  positionals: { name: "SESSION [HOST:]PORT [LOCAL]", min: 2, max: 3 },
  notes:
    "HOST is main1 unless given. LOCAL is the port on this machine (127.0.0.1): the same unless given, 0 for a free one.\n" +
    "Carries connections until Ctrl-C, or until the API or the node is lost: first to 127.0.0.1 inside the container, then to its address in the session.",
  async run({ options, positionals: [session, target, given] }) {
    const [, host = "main1", number] = /^(?:([^:]*):)?(.*)$/.exec(target!)!;
    const port = portNumber("PORT", number!, 1);
    if (options.stdio) {
      if (options.json) throw new UsageError("--json and --stdio exclude each other");
      if (given !== undefined) throw new UsageError("LOCAL and --stdio exclude each other");
      return await withApi(
        async (skein) => await attachPort(await skein.connect({ session: session!, host }, port)),
      );
    }
    const local = given === undefined ? port : portNumber("LOCAL", given, 0);
    await withApi(async (skein) => {
      // Refuses at once what cannot work, instead of at the first connection.
      const { id, containers, name } = await skein.getSession({ path: { id: session! } });
      if (!containers.some((each) => each.host === host)) {
        const hosts = containers.map((each) => each.host).join(", ");
        throw new CliError(`session ${name} has no container ${host}`, `it has ${hosts}`);
      }
      // Bulk data takes whole cores. Other commands on this machine then start as fast as without it, and nothing is lost where cores are free.
      setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
      carryBytes();
      // By its id: another session may get the name while this goes on.
      const container = { session: id, host };
      const forwarding = await startForward(skein, container, port, { local, onFailure: say }).catch(
        (error: NodeJS.ErrnoException) => {
          throw cannotListen(error, local);
        },
      );
      if (options.json)
        printJson({ address: "127.0.0.1", local: forwarding.local, session: name, host, port });
      else print(text`127.0.0.1:${forwarding.local} leads to port ${port} of ${host} in ${name}`);
      try {
        await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), forwarding.lost]);
      } catch (error) {
        throw error instanceof StreamBroken ? new CliError(error.message) : error;
      } finally {
        forwarding.close();
      }
    });
  },
});

function cannotListen({ code, message }: NodeJS.ErrnoException, local: number): CliError {
  if (code !== "EADDRINUSE") return new CliError(`cannot listen on 127.0.0.1:${local}: ${message}`);
  return new CliError(
    `port ${local} of this machine is in use`,
    "give another as the last argument, or 0 for a free one",
  );
}
