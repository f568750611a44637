/** What OpenSSH's clients need to reach containers, in ssh_config(5)'s words: for a command line, or for a file. Pure. */
import type { Session } from "../../sdk/index.ts";

type Container = Session["containers"][number];

/** A container whose SSH server is known. */
export type Reachable = Pick<Container, "host" | "role"> & { ssh: NonNullable<Container["ssh"]> };

export interface Way {
  session: Pick<Session, "id" | "name">;
  /** The launcher's path. */
  skein: string;
  /** For skein, when OpenSSH calls it; null: to be unset. */
  environment: Record<string, string | null>;
  /** The private key's file. */
  identity: string;
  /** The known hosts of this session. */
  knownHosts: string;
}

type Setting = readonly [keyword: string, value: string];

export function aliasOf(host: string, session: string): string {
  return `${host}.${session}.skein`;
}

/**
 * What is the same for all containers. It holds against whatever the user's own files say, since ssh_config(5) takes the first value: only
 * this session's host keys count, and no jump host stands in the way.
 */
function common({ identity, knownHosts }: Way): Setting[] {
  return [
    ["Port", "22"],
    ["IdentityFile", quoted(identity)],
    ["IdentitiesOnly", "yes"],
    ["PubkeyAuthentication", "yes"],
    ["PreferredAuthentications", "publickey"],
    ["UserKnownHostsFile", quoted(knownHosts)],
    ["GlobalKnownHostsFile", "/dev/null"],
    ["StrictHostKeyChecking", "yes"],
    ["HostKeyAlgorithms", "ssh-ed25519"],
    ["UpdateHostKeys", "no"],
    ["CheckHostIP", "no"],
  ];
}

/** One container's own. The session's id is pinned, not its name: another session may get that. */
function own({ session, skein, environment }: Way, { host, ssh }: Reachable): Setting[] {
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === null ? ["-u", name] : [`${name}=${value}`],
  );
  const argv = ["env", ...variables, skein, "forward", "--stdio", session.id, `${host}:22`];
  return [
    ["User", ssh.user],
    // OpenSSH replaces %-words in it, and gives it to the user's shell.
    ["ProxyCommand", argv.map(shellWord).join(" ").replaceAll("%", "%%")],
  ];
}

/** Words for a command line of `ssh`. */
export function sshOptions(way: Way, container: Reachable): string[] {
  return [...own(way, container), ...common(way)].flatMap(([keyword, value]) => [
    "-o",
    `${keyword} ${value}`,
  ]);
}

/** A block for ssh_config(5), to be included. Each container has a line `Host` of its own, since editors list those. */
export function sshConfigBlock(way: Way, containers: readonly Reachable[]): string {
  const { name, id } = way.session;
  const block = (pattern: string, settings: readonly Setting[]) => [
    `Host ${pattern}`,
    ...settings.map(([keyword, value]) => `  ${keyword} ${value}`),
  ];
  return [
    `# Skein: session ${name} (${id})`,
    ...containers.flatMap((each) => block(aliasOf(each.host, name), own(way, each))),
    ...block(aliasOf("*", name), common(way)),
    "",
  ].join("\n");
}

/** A path as one word of ssh_config(5). OpenSSH replaces %-words in it. */
function quoted(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
