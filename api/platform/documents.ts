/** JSON of any size in SQLite: a value of a Durable Object's database may have 2 MB, so it is cut into parts. */

const PART_BYTES = 1024 * 1024;

export const DOCUMENTS = `
  CREATE TABLE IF NOT EXISTS documents (
    name TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (name, part)
  )`;

/** Writes or replaces. */
export function putDocument(sql: SqlStorage, name: string, value: unknown): void {
  deleteDocument(sql, name);
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  for (let part = 0; part * PART_BYTES < bytes.length; part++) {
    const slice = bytes.slice(part * PART_BYTES, (part + 1) * PART_BYTES);
    sql.exec("INSERT INTO documents (name, part, bytes) VALUES (?, ?, ?)", name, part, slice.buffer);
  }
}

/** Undefined if there is none. */
export function getDocument<T>(sql: SqlStorage, name: string): T | undefined {
  const parts = sql
    .exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM documents WHERE name = ? ORDER BY part", name)
    .toArray();
  if (parts.length === 0) return undefined;
  const decoder = new TextDecoder();
  const text = parts.map(({ bytes }) => decoder.decode(bytes, { stream: true })).join("") + decoder.decode();
  return JSON.parse(text) as T;
}

export function deleteDocument(sql: SqlStorage, name: string): void {
  sql.exec("DELETE FROM documents WHERE name = ?", name);
}
