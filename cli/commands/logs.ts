/** `skein logs`. */
import { sayAway } from "../away.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { LinePrinter } from "../line-printer.ts";
import { printJson, say } from "../print.ts";
import { wholeNumber } from "../values.ts";

export const logs = defineCommand({
  options: {
    follow: { type: "boolean", short: "f", about: "go on until all containers have ended" },
    tail: { type: "string", short: "n", value: "N", about: "only the last lines of each container" },
    since: {
      type: "string",
      value: "TIME",
      about: "only lines from then on: like 10m, or 2026-11-26T12:00:00Z",
    },
    timestamps: { type: "boolean", short: "t", about: "the time before each line" },
    ...JSON_OPTION,
  },
  positionals: { name: "SESSION [HOST]", min: 1, max: 2 },
  notes:
    "Of all containers unless HOST is given, merged by time. They stay readable after the session's end.\n" +
    "stdout goes to stdout, stderr to stderr, byte by byte. --json: one JSON object in each line.",
  async run({ options, positionals: [session, host] }) {
    await withApi(async (skein) => {
      const { id, containers } = await skein.getSession({ path: { id: session! } });
      const hosts = host === undefined ? containers.map((each) => each.host) : [host];
      const printer = new LinePrinter(hosts, { timestamps: options.timestamps });
      const lines = skein.logs({
        // By its id: another session may get the name meanwhile.
        session: id,
        ...(host === undefined ? {} : { host }),
        follow: options.follow,
        ...(options.tail === undefined ? {} : { tail: wholeNumber("tail", options.tail) }),
        ...(options.since === undefined ? {} : { since: options.since }),
        onConnection: sayAway((line) => {
          printer.freshLine();
          say(line);
        }),
      });
      for await (const { bytes, ...line } of lines) {
        if (options.json) printJson(line);
        else await printer.print({ ...line, bytes });
      }
      printer.flush();
    });
  },
});
