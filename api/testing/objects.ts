/** Controls an object from outside: puts it to sleep, rings its alarm at another time, reads its storage. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { fleetOf } from "../platform/objects.ts";

/** Puts an object to sleep, unless it sleeps already: its memory is lost, its storage and its sockets stay. */
export async function sleepNow(object: DurableObjectStub): Promise<void> {
  await evictDurableObject(object).catch((error: Error) =>
    expect(error.message).toMatch(/not currently running/),
  );
}

/**
 * Rings the object's alarm as if so many seconds had passed. Then the clock goes back, and the object is put to sleep, since its memory has
 * later times.
 */
export async function alarmIn(seconds: number, object: DurableObjectStub): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000);
  try {
    await runDurableObjectAlarm(object);
  } finally {
    vi.useRealTimers();
  }
  await sleepNow(object);
}

/** Makes the link of a disconnected node end so many seconds ago. (Changing the clock instead would make every link silent.) */
export async function heardAgo(node: string, seconds: number): Promise<void> {
  await runInDurableObject(fleetOf(env), (_, { storage }) =>
    storage.sql.exec(
      "UPDATE nodes SET heard_at = ? WHERE id = ? AND status = 'disconnected'",
      Date.now() - seconds * 1000,
      node,
    ),
  );
}

/** Everything that an object stores except its alarm: the rows of each table, and the key-value pairs. */
export function storageOf(object: DurableObjectStub): Promise<Record<string, unknown[]>> {
  return runInDurableObject(object, (_, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    const rows = tables.map(({ name }) => [name, storage.sql.exec(`SELECT * FROM "${name}"`).toArray()]);
    return { ...Object.fromEntries(rows), "": [...storage.kv.list()] };
  });
}
