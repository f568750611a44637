/** Prepares the way of OpenSSH into a session: its host keys are written down, and the user's key is let in. */
import { join } from "node:path";
import type { Session, Skein } from "../../sdk/index.ts";
import { LOGIN_NAME } from "../../shared/ssh/login-name.ts";
import { keyProblem } from "../../shared/ssh/public-key.ts";
import { CliError } from "../cli-error.ts";
import { ROOT } from "../paths.ts";
import { say } from "../print.ts";
import { text } from "../terminal-text.ts";
import { defaultKey } from "./default-key.ts";
import { writeKnownHosts } from "./known-hosts.ts";
import type { Reachable, Way } from "./ssh-settings.ts";

/** @throws CliError if it does not run; ApiProblem */
export async function wayInto(
  skein: Skein,
  idOrName: string,
  environment: Way["environment"],
): Promise<{ way: Way; containers: Reachable[] }> {
  const session = await skein.getSession({ path: { id: idOrName } });
  const { id, name, status } = session;
  if (status !== "running")
    throw new CliError(
      `session ${name} is ${status}: only a running one can be entered`,
      `see: skein describe ${name}`,
    );
  const { identity, line } = defaultKey();
  const { missingOn } = await skein.addSshKeys({ path: { id }, body: { keys: [line] } });
  if (missingOn.length > 0)
    say(text`not reachable now: ${missingOn.join(", ")}; its containers take the key once it is connected`);
  const containers = session.containers.filter(isReachable);
  refuseOddNames(session, containers);
  const knownHosts = writeKnownHosts(session, containers);
  return { way: { session, skein: join(ROOT, "skein"), environment, identity, knownHosts }, containers };
}

function isReachable(container: Session["containers"][number]): container is typeof container & Reachable {
  return container.ssh !== null;
}

/**
 * They become lines of OpenSSH's settings, which can run programs here. An API in the wrong hands must not choose those. @throws CliError
 */
export function refuseOddNames(
  { id, name }: Pick<Session, "id" | "name">,
  containers: readonly Reachable[],
): void {
  const isWord = (text: string) => /^\w[\w-]*$/.test(text);
  const odd = [id, name, ...containers.map(({ host }) => host)].find((each) => !isWord(each));
  const oddUser = containers.find(({ ssh }) => !LOGIN_NAME.test(ssh.user))?.ssh.user;
  const oddKey = containers.find(({ ssh }) => keyProblem(ssh.hostKey) !== undefined)?.ssh.hostKey;
  const found = odd ?? oddUser ?? oddKey;
  if (found !== undefined)
    throw new CliError(`the API's answer cannot be used for OpenSSH: ${JSON.stringify(found)}`);
}

/** The first word may be a container. @throws CliError if it looks like one, and is none */
export function chooseHost<C extends Pick<Reachable, "host" | "role">>(
  containers: readonly C[],
  words: readonly string[],
): { container: C; args: readonly string[] } {
  const [first, ...others] = words;
  const named = containers.find(({ host }) => host === first);
  if (named) return { container: named, args: others };
  const [, role] = /^(.*?)\d+$/.exec(first ?? "") ?? [];
  const hosts = containers.map(({ host }) => host).join(", ");
  if (containers.some((each) => each.role === role))
    throw new CliError(`there is no container ${first}`, `the session has ${hosts}`);
  return { container: containers[0]!, args: words };
}
