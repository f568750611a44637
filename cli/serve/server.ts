/** The embedded API: bundles it, prepares its data, starts workerd, and waits until it answers. */
import type { Settings } from "../../shared/settings/settings.ts";
import { CliError } from "../cli-error.ts";
import { passOn } from "../print.ts";
import { bundleApi } from "./bundle.ts";
import { prepareData } from "./data.ts";
import { secretsKeyBeside, secretsKeyIn } from "./secrets-key.ts";
import { startWorkerd } from "./workerd.ts";

export interface ServerOptions {
  /** Name or address; an IPv6 address without brackets. */
  host: string;
  /** 0: a free one. */
  port: number;
  data: string;
  /** The file with the key for secrets, made at the first start; default: beside `data`. */
  secretsKey?: string;
  /** The result of `bundleApi`; default: calls it. */
  bundle?: string;
  /** Settings other than the defaults. */
  settings?: Partial<Settings>;
  /** Receives workerd's output; default: our stderr. */
  log?: (text: string) => void;
}

export interface Server {
  url: string;
  /** The admin token. */
  token: string;
  /** workerd's. */
  pid: number;
  /** Resolves once it has ended, with the way it ended. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/** Starts the API and resolves when it answers. @throws CliError if it cannot */
export async function startServer({
  host,
  port,
  data,
  secretsKey: keyFile = secretsKeyBeside(data),
  bundle,
  settings = {},
  log = passOn,
}: ServerOptions): Promise<Server> {
  const bundled = bundle ?? (await bundleApi());
  const token = prepareData(data);
  const secretsKey = secretsKeyIn(keyFile);
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const workerd = await startWorkerd({
    ...{ bundle: bundled, data, host: bracketed, port },
    ...{ token, secretsKey, settings, log },
  });
  const url = `http://${bracketed}:${workerd.port}`;
  await answers(url).catch(async (error: unknown) => {
    await workerd.stop();
    // The answer broke off: workerd has ended, and its output says why.
    throw error instanceof CliError ? error : new CliError(await workerd.ended);
  });
  return { url, token, pid: workerd.pid, ended: workerd.ended, stop: workerd.stop };
}

/** workerd listens before it has loaded the worker, and holds requests until then: so one request is enough. */
async function answers(url: string): Promise<void> {
  const response = await fetch(`${url}/healthz`);
  if (!response.ok)
    throw new CliError(`the API answers ${url}/healthz with ${response.status}: ${await response.text()}`);
}
