/** /etc/passwd and /etc/group (passwd(5), group(5)), and Docker's rule for which user a container runs as. */

export interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

export interface GroupEntry {
  name: string;
  gid: number;
}

/** Who the container runs as. `entry` is missing where the image does not know the user. */
export interface RunsAs {
  uid: number;
  gid: number;
  entry?: PasswdEntry;
}

/** Entries in file order; lines that are none are left out. */
export function parsePasswd(text: string | undefined): PasswdEntry[] {
  return fields(text, 7).flatMap(([name = "", , uid, gid, , home = "", shell = ""]) =>
    name !== "" && isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home, shell }] : [],
  );
}

export function parseGroup(text: string | undefined): GroupEntry[] {
  return fields(text, 3).flatMap(([name = "", , gid]) =>
    name !== "" && isId(gid) ? [{ name, gid: Number(gid) }] : [],
  );
}

/**
 * As runc's libcontainer does (`user.GetExecUser`): `user[:group]`, each a name or a number; the first line that matches by
 * either; an unknown number stands for itself, with group 0; an unknown name is an error. Empty means 0.
 */
export function runsAs(spec: string, users: readonly PasswdEntry[], groups: readonly GroupEntry[]): RunsAs {
  const [user = "", group = ""] = spec.split(":");
  const wanted = user === "" ? "0" : user;
  const entry = users.find(({ name, uid }) => name === wanted || String(uid) === wanted);
  if (!entry && !isId(wanted)) {
    throw new Error(`the image has no user "${wanted}": use a name from its /etc/passwd, or a numeric id`);
  }
  const named =
    group === "" ? undefined : groups.find(({ name, gid }) => name === group || String(gid) === group);
  if (group !== "" && !named && !isId(group)) {
    throw new Error(`the image has no group "${group}": use a name from its /etc/group, or a numeric id`);
  }
  const gid = group === "" ? (entry?.gid ?? 0) : (named?.gid ?? Number(group));
  return { uid: entry?.uid ?? Number(wanted), gid, ...(entry ? { entry } : {}) };
}

/** The text with `entry` as a new last line; where there is a line of its name, with its group, home and shell changed. */
export function withPasswdEntry(text: string | undefined, entry: PasswdEntry): string {
  const line = (gecos: string) =>
    `${entry.name}:x:${entry.uid}:${entry.gid}:${gecos}:${entry.home}:${entry.shell}`;
  let found = false;
  const kept = rows(text).map((row) => {
    const parts = row.split(":");
    if (found || parts[0] !== entry.name) return row;
    found = true;
    const [name, password, uid, , gecos] = parts;
    return [name, password, uid, entry.gid, gecos, entry.home, entry.shell].join(":");
  });
  return joined(found ? kept : [...kept, line("")]);
}

/** The text with one more group. */
export function withGroup(text: string | undefined, { name, gid }: GroupEntry): string {
  return joined([...rows(text), `${name}:x:${gid}:`]);
}

/** The text of /etc/shells with one more; where the file is missing, what getusershell(3) assumes goes first. */
export function withShell(text: string | undefined, shell: string): string {
  return joined([...(text === undefined ? ["/bin/sh", "/bin/csh"] : rows(text)), shell]);
}

/** Whether getusershell(3) lists it. */
export function isListedShell(text: string | undefined, shell: string): boolean {
  return text === undefined ? ["/bin/sh", "/bin/csh"].includes(shell) : rows(text).includes(shell);
}

function fields(text: string | undefined, least: number): string[][] {
  return rows(text)
    .map((row) => row.split(":"))
    .filter((parts) => parts.length >= least);
}

function rows(text: string | undefined): string[] {
  return (text ?? "").split("\n").filter((row) => row.trim() !== "");
}

function joined(all: readonly string[]): string {
  return all.map((row) => `${row}\n`).join("");
}

function isId(value: string | undefined): boolean {
  return /^\d{1,10}$/.test(value ?? "");
}
