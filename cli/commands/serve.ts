/** `skein serve`: the API on this machine, in the foreground. */
import { resolve } from "node:path";
import { defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { API_DATA } from "../paths.ts";
import { startServer } from "../serve/server.ts";
import { listenAddress, settingsGiven } from "../values.ts";

export const serve = defineCommand({
  options: {
    listen: { type: "string", value: "HOST:PORT", about: "default 127.0.0.1:8787; port 0: a free one" },
    data: {
      type: "string",
      value: "DIR",
      about: "where its state is kept (default: .skein/api of this checkout)",
    },
    set: {
      type: "string",
      multiple: true,
      value: "NAME=VALUE",
      about: "a setting of docs/settings.md; may be repeated",
    },
  },
  notes: "The admin token is made at the first start, in DIR/admin-token. One skein serve per DIR.",
  async run({ options }) {
    const { host, port } = listenAddress("listen", options.listen ?? "127.0.0.1:8787");
    const data = resolve(options.data ?? API_DATA);
    const server = await startServer({ host, port, data, settings: settingsGiven("set", options.set) });
    const asked = new Promise<"asked">((done) => {
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
        process.once(signal, () => done("asked"));
    });
    console.log(`skein api ready at ${server.url}`);
    console.error(`admin token in ${data}/admin-token`);
    const how = await Promise.race([asked, server.ended]);
    if (how !== "asked") throw new CliError(how, `the data in ${data} is kept: start skein serve again`);
    await server.stop();
  },
});
