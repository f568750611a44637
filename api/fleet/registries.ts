/** Credentials of registries, by project and host. The passwords come sealed: only the worker and the Sessions open them. */
import { SkeinError } from "../../shared/errors/errors.ts";
import type { RegistryView } from "../../shared/request/registry.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import type { StoredRegistry } from "../platform/messages.ts";

interface RegistryRow extends Record<string, SqlStorageValue> {
  seq: number;
  project: string;
  host: string;
  username: string;
  password: string;
  updated_at: number;
}

/** Stores or replaces. @throws SkeinError `too_many_registries`. */
export function putRegistry(
  sql: SqlStorage,
  project: string,
  { host, login: { username, password } }: Required<StoredRegistry>,
  now: number,
): void {
  const others = sql
    .exec<{ count: number }>(
      "SELECT COUNT(*) AS count FROM registries WHERE project = ? AND host != ?",
      project,
      host,
    )
    .one();
  if (others.count >= CONSTANTS.maxRegistries) {
    throw new SkeinError(
      "too_many_registries",
      `project ${project} has credentials for ${others.count} registries, and at most ${CONSTANTS.maxRegistries} are kept: remove one first`,
    );
  }
  sql.exec(
    `INSERT INTO registries (project, host, username, password, updated_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (project, host) DO UPDATE
       SET username = excluded.username, password = excluded.password, updated_at = excluded.updated_at`,
    project,
    host,
    username,
    password,
    now,
  );
}

/** @throws SkeinError `not_found`. */
export function registryView(sql: SqlStorage, project: string, host: string): RegistryView {
  const [row] = sql
    .exec<RegistryRow>("SELECT * FROM registries WHERE project = ? AND host = ?", project, host)
    .toArray();
  if (!row) throw unknown(project, host);
  return viewOf(row);
}

/** Newest first, at most `limit`, older than `before`. */
export function listRegistries(
  sql: SqlStorage,
  project: string,
  before: number,
  limit: number,
): { seq: number; view: RegistryView }[] {
  return sql
    .exec<RegistryRow>(
      "SELECT * FROM registries WHERE project = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
      project,
      before,
      limit,
    )
    .toArray()
    .map((row) => ({ seq: row.seq, view: viewOf(row) }));
}

/** @throws SkeinError `not_found`. */
export function removeRegistry(sql: SqlStorage, project: string, host: string): void {
  const removed = sql.exec(
    "DELETE FROM registries WHERE project = ? AND host = ? RETURNING seq",
    project,
    host,
  );
  if (removed.toArray().length === 0) throw unknown(project, host);
}

/** Those of these hosts for which any project has credentials, with the project's own where it has some. */
export function registriesFor(sql: SqlStorage, project: string, hosts: readonly string[]): StoredRegistry[] {
  const rows = sql
    .exec<RegistryRow>(
      "SELECT * FROM registries WHERE host IN (SELECT value FROM json_each(?))",
      JSON.stringify(hosts),
    )
    .toArray();
  return [...new Set(rows.map(({ host }) => host))].map((host) => {
    const own = rows.find((row) => row.host === host && row.project === project);
    return own ? { host, login: { username: own.username, password: own.password } } : { host };
  });
}

function viewOf({ host, username, updated_at }: RegistryRow): RegistryView {
  return { host, username, updatedAt: new Date(updated_at).toISOString() };
}

function unknown(project: string, host: string): SkeinError {
  return new SkeinError(
    "not_found",
    `project ${project} has no credentials for ${host}: GET /v1/registries lists those that it has`,
  );
}
