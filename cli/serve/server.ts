/** The embedded API: bundle, data, workerd, and the wait until it answers. */
import type { Settings } from "../../shared/settings/settings.ts";
import { CliError } from "../errors.ts";
import { bundleApi } from "./bundle.ts";
import { prepareData } from "./data.ts";
import { startWorkerd } from "./workerd.ts";

export interface ServerOptions {
  /** Name or address; an IPv6 address without brackets. */
  host: string;
  /** 0: a free one. */
  port: number;
  data: string;
  /** Those that are not to have their default. */
  settings?: Partial<Settings>;
  /** Takes what workerd says; it goes to our stderr unless told. */
  log?: (text: string) => void;
}

export interface Server {
  url: string;
  /** The admin token. */
  token: string;
  /** workerd's. */
  pid: number;
  /** Resolves when it has ended, with how. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/** Starts the API and resolves when it answers. Throws a CliError where it cannot. */
export async function startServer({
  host,
  port,
  data,
  settings = {},
  log = (text) => process.stderr.write(text),
}: ServerOptions): Promise<Server> {
  const bundle = await bundleApi();
  const token = prepareData(data);
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const workerd = await startWorkerd({ bundle, data, host: bracketed, port, token, settings, log });
  const url = `http://${bracketed}:${workerd.port}`;
  await Promise.race([answers(url), workerd.ended.then((how) => Promise.reject(new CliError(how)))]).catch(
    async (error: unknown) => {
      await workerd.stop();
      throw error;
    },
  );
  return { url, token, pid: workerd.pid, ended: workerd.ended, stop: workerd.stop };
}

/** workerd listens before it has loaded the worker, and holds requests until then: so one is enough. */
async function answers(url: string): Promise<void> {
  const response = await fetch(`${url}/healthz`);
  if (!response.ok)
    throw new CliError(`the API answers ${url}/healthz with ${response.status}: ${await response.text()}`);
}
