/** Reads and changes /etc/passwd and /etc/group (passwd(5), group(5)), and has Docker's rule for a container's user. */

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

/** The user of a container. `entry` is missing when the user is not in the image. */
export interface RunsAs {
  uid: number;
  gid: number;
  entry?: PasswdEntry;
}

/** Entries in the order of the file; other lines are left out. */
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
 * The rule of runc's libcontainer (`user.GetExecUser`) for `user[:group]`. Each is a name or a number, and the first line that matches
 * either counts. Without a match a number stands for itself, with group 0. Empty means 0. @throws Error for an unknown name.
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

/** The text with this entry: an existing line of that name gets its group, home and shell; else a line is added. */
export function withPasswdEntry(text: string | undefined, entry: PasswdEntry): string {
  const line = (gecos: string) =>
    `${entry.name}:x:${entry.uid}:${entry.gid}:${gecos}:${entry.home}:${entry.shell}`;
  let found = false;
  const kept = rows(text).map((row) => {
    const parts = row.split(":");
    if (found || parts[0] !== entry.name) return row;
    found = true;
    const [name, password = "", uid, , gecos] = parts;
    return [
      name,
      LOCKED.test(password) ? "*" : password,
      uid,
      entry.gid,
      gecos,
      entry.home,
      entry.shell,
    ].join(":");
  });
  return joined(found ? kept : [...kept, line("")]);
}

/** `!` locks an account, and an SSH server then refuses it. `*` is a password that cannot be. */
const LOCKED = /^!/;

/** Whether /etc/passwd itself locks this account. */
export function isLocked(passwd: string | undefined, name: string): boolean {
  return fields(passwd, 7).some((parts) => parts[0] === name && LOCKED.test(parts[1]!));
}

/** The text of /etc/shadow (shadow(5)) in which this account is neither locked nor expired; `undefined` when it is neither. */
export function withoutLock(shadow: string | undefined, name: string): string | undefined {
  let changed = false;
  const kept = rows(shadow).map((row) => {
    const parts = row.split(":");
    if (parts[0] !== name || !(LOCKED.test(parts[1] ?? "") || parts[7])) return row;
    changed = true;
    if (LOCKED.test(parts[1]!)) parts[1] = "*";
    if (parts[7]) parts[7] = "";
    return parts.join(":");
  });
  return changed ? joined(kept) : undefined;
}

/** The text with a user `sshd`, unless there is one. The server needs it as root: its part before a login runs as this user. */
export function withServerUser(text: string | undefined): string {
  const users = parsePasswd(text);
  if (users.some(({ name }) => name === "sshd")) return text!;
  const taken = new Set(users.map(({ uid }) => uid));
  let uid = 999;
  while (taken.has(uid)) uid--;
  return joined([...rows(text), `sshd:*:${uid}:65534::/run/sshd:/usr/sbin/nologin`]);
}

/** The text with a line for this group at the end. */
export function withGroup(text: string | undefined, { name, gid }: GroupEntry): string {
  return joined([...rows(text), `${name}:x:${gid}:`]);
}

/** The text of /etc/shells with this shell at the end. A missing file becomes the default list of getusershell(3) first. */
export function withShell(text: string | undefined, shell: string): string {
  return joined([...(text === undefined ? ["/bin/sh", "/bin/csh"] : rows(text)), shell]);
}

/** Whether getusershell(3) lists this shell. */
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
