/** `skein open`. */
import { once } from "node:events";
import { type Session, StreamBroken } from "../../sdk/index.ts";
import { endsAll } from "../../sdk/node.ts";
import { openBrowser } from "../apps/browser.ts";
import { type LocalApp, serveAppHere } from "../apps/local-app.ts";
import { CliError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson, say } from "../print.ts";
import { text } from "../terminal-text.ts";
import { portNumber } from "../values.ts";

export const open = defineCommand({
  options: {
    port: {
      type: "string",
      value: "LOCAL",
      about: "the port on this machine (127.0.0.1); default: the app's own, or a free one",
    },
    "no-browser": { type: "boolean", about: "print the address only" },
    ...JSON_OPTION,
  },
  positionals: { name: "SESSION APP", min: 2, max: 2 },
  notes:
    "APP is one that the session has declared (run --app NAME=PORT). Its address is http://APP--ID.localhost:LOCAL, which browsers take for this machine.\n" +
    "Passes requests on until Ctrl-C, or until the API or the node is lost. Other programs and users of this machine can connect to that port, too.",
  async run({ positionals: [session, name], options }) {
    const local = options.port === undefined ? undefined : portNumber("--port", options.port, 0);
    await withApi(async (skein) => {
      const found = await skein.getSession({ path: { id: session! } });
      const { port, path } = appOf(found, name!);
      if (found.status !== "running")
        throw new CliError(
          `session ${found.name} is ${found.status}`,
          "its apps can be opened while it is running",
        );
      const lost = Promise.withResolvers<never>();
      const serve = (at: number) =>
        serveAppHere({
          skein,
          app: { app: name!, session: found.id },
          // By its id: another session may get the name while this goes on.
          container: { session: found.id },
          port,
          local: at,
          onBroken: (error) => (endsAll(error) ? lost.reject(error) : say(error.message)),
        });
      const app = await listening(serve, port, local);
      const url = app.origin + path;
      if (options.json) printJson({ url, session: found.name, app: name });
      else print(text`${name!} of ${found.name} is at ${url}`);
      if (!options["no-browser"] && !options.json) openBrowser(url);
      try {
        await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), lost.promise]);
      } catch (error) {
        throw error instanceof StreamBroken ? new CliError(error.message) : error;
      } finally {
        app.close();
      }
    });
  },
});

function appOf({ name: session, apps }: Session, name: string): Session["apps"][number] {
  const app = apps.find((each) => each.name === name);
  if (app) return app;
  const hint =
    apps.length === 0
      ? "declare it when you start a session: skein run --app NAME=PORT; skein forward leads to any port"
      : `it has ${apps.map((each) => each.name).join(", ")}`;
  throw new CliError(`session ${session} has no app ${name}`, hint);
}

/** Where no port is given, one that is in use gives way to a free one. */
async function listening(
  serve: (local: number) => Promise<LocalApp>,
  port: number,
  given: number | undefined,
): Promise<LocalApp> {
  try {
    return await serve(given ?? port);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // EACCES: a port below 1024.
    if (given === undefined && (code === "EADDRINUSE" || code === "EACCES")) return await serve(0);
    if (code === "EADDRINUSE")
      throw new CliError(
        `port ${given} of this machine is in use`,
        "give another with --port, or 0 for a free one",
      );
    throw new CliError(`cannot listen on 127.0.0.1:${given ?? port}: ${message}`);
  }
}
