/** `skein serve`: the API on this machine, in the foreground. */
import { resolve } from "node:path";
import { isLoopback, LOCALHOST } from "../../shared/apps/app-host.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { API_DATA } from "../paths.ts";
import { print, printJson, say } from "../print.ts";
import { bundleApi } from "../serve/bundle.ts";
import { readAdminToken } from "../serve/data.ts";
import { agentsThatFit, fullText, roomText } from "../serve/descriptors.ts";
import { lostKeyText, secretsKeyBeside } from "../serve/secrets-key.ts";
import { startServer } from "../serve/server.ts";
import { supervise } from "../serve/supervise.ts";
import { ownDescriptorLimit, watchDescriptors } from "../serve/watch-descriptors.ts";
import { listenAddress, settingsGiven } from "../values.ts";

export const serve = defineCommand({
  options: {
    listen: { type: "string", value: "HOST:PORT", about: "default 127.0.0.1:8787; port 0: a free one" },
    data: {
      type: "string",
      value: "DIR",
      about: "directory for its state (default: .skein/api of this checkout)",
    },
    "secrets-key": {
      type: "string",
      value: "FILE",
      about: "key for secrets, made at the first start (default: DIR.secrets-key, beside DIR)",
    },
    ...JSON_OPTION,
    set: {
      type: "string",
      multiple: true,
      value: "NAME=VALUE",
      about: "a setting of docs/settings.md; may be repeated",
    },
  },
  notes: `The admin token is made at the first start, in DIR/admin-token. One skein serve per DIR.
Secrets (secretEnv, credentials of registries) are encrypted with the key. A copy of DIR does not hold it: back it up apart from DIR.
At the start it says how many agents its limit of open files has room for, and admits no more (MAX_LINKS).
For more agents, raise the hard limit (ulimit -Hn, LimitNOFILE= in a systemd unit). It warns when 80 % are in use.
When workerd ends unexpectedly, it is started again on the same port, with the same data. After five starts in a row
that last less than 2 s each, skein serve gives up: exit code 1, with the reason on stderr.`,
  async run({ options }) {
    const { host, port } = listenAddress("listen", options.listen ?? "127.0.0.1:8787");
    const data = resolve(options.data ?? API_DATA);
    const given = settingsGiven("set", options.set);
    const limit = ownDescriptorLimit();
    const settings = {
      ...(limit === undefined ? {} : { maxLinks: agentsThatFit(limit) }),
      // Browsers on this machine reach apps without a domain.
      ...(isLoopback(host) ? { appsDomain: LOCALHOST } : {}),
      ...given,
    };
    // Bundled once: an update of the checkout is a new release, which takes effect when the owner restarts skein serve.
    const bundle = await bundleApi();
    const secretsKey = resolve(options["secrets-key"] ?? secretsKeyBeside(data));
    const lost = lostKeyText(secretsKey, readAdminToken(data) !== undefined);
    if (lost !== undefined) warn(lost);
    const server = await supervise({
      start: (port) => startServer({ host, port, data, secretsKey, bundle, settings }),
      port,
      say: warn,
    });
    const unwatch = watchDescriptors({ pid: () => server.pid, warn: (use) => warn(fullText(use)) });
    const asked = new Promise<"asked">((done) => {
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
        process.once(signal, () => done("asked"));
    });
    if (options.json) printJson({ url: server.url, data });
    else print(`skein api ready at ${server.url}`);
    say(`admin token in ${data}/admin-token, key for secrets in ${secretsKey}`);
    if (limit !== undefined) say(roomText(limit, given.maxLinks));
    const how = await Promise.race([asked, server.ended]);
    unwatch();
    if (how !== "asked") throw new CliError(how, `the data in ${data} is kept: start skein serve again`);
    await server.stop();
  },
});

function warn(line: string): void {
  say(`skein: ${line}`);
}
