/**
 * Letters that an object has not yet delivered to other objects. No transaction spans two objects. So an object stores a letter in the same
 * commit as the change that it reports, and retries until the other object has taken it. All durable messages between objects go this way.
 *
 * There are two orders:
 * - **in order**: letters without a subject all arrive, in the order in which they were posted ("create", then "begin");
 * - **newest wins**: a letter with a subject replaces an undelivered one of the same subject. Its body is mostly made at delivery, from the
 *   state at that time ("this is my state").
 *
 * A target gets its letters one batch at a time. It may get a letter twice, if the answer was lost: {@link takeNew} drops duplicates.
 */
import type { Alarm } from "../platform/alarm.ts";
import { deleteDocument, getDocument, putDocument } from "../platform/documents.ts";
import { eachLimited } from "../platform/each-limited.ts";
import { logError } from "../platform/log-error.ts";

/** `seq` grows with each letter that the sender posts. */
export interface Letter<Body> {
  seq: number;
  /** "": in order. */
  subject: string;
  body: Body;
}

/** One B-tree, and the counter is stored with the object's other values: a letter mostly adds one page to a commit. */
export const MAIL_SCHEMA = `
  CREATE TABLE IF NOT EXISTS mail (
    target TEXT NOT NULL,
    seq INTEGER NOT NULL,
    subject TEXT NOT NULL,
    -- JSON; null if it is made at delivery, or is long: then it is a document.
    body TEXT,
    PRIMARY KEY (target, seq)
  ) WITHOUT ROWID;
  -- The last letter that this object took from each sender.
  CREATE TABLE IF NOT EXISTS heard (sender TEXT PRIMARY KEY, seq INTEGER NOT NULL);
`;

/** Batches under way at once; each may carry a megabyte. */
const AT_ONCE = 32;
/** Letters in one batch. */
const BATCH = 100;
/** A row of an object's database may have 2 MB. */
const INLINE_CHARS = 100_000;
/** Number of the last letter. It never restarts: receivers drop letters up to the last number they took. */
const COUNTER = "mailCounter";
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;

type Carry<Body> = (target: string, letters: Letter<Body>[]) => Promise<void>;

export class Mailbox<Body> {
  readonly #storage: DurableObjectStorage;
  readonly #alarm: Alarm;
  readonly #carry: Carry<Body>;
  /** Per target: the running delivery, and the one that waits for its end. One at a time keeps the order. */
  readonly #lines = new Map<string, Line>();
  /** Targets that could not be reached: how often in a row, and until when (ms since 1970) to pause. */
  readonly #resting = new Map<string, { failures: number; until: number }>();

  /** `carry` rejects if the target did not take the letters. */
  constructor(storage: DurableObjectStorage, alarm: Alarm, carry: Carry<Body>) {
    this.#storage = storage;
    this.#alarm = alarm;
    this.#carry = carry;
  }

  /**
   * Call in the transaction of the change that it reports. `target` is an object's name. With a subject, the newest wins. `body` undefined:
   * made at delivery.
   */
  post(target: string, body: Body, subject = ""): void {
    const { sql, kv } = this.#storage;
    if (subject !== "") this.#forget(this.#select("target = ? AND subject = ?", target, subject));
    const seq = (kv.get<number>(COUNTER) ?? 0) + 1;
    kv.put(COUNTER, seq);
    const text = body === undefined ? null : JSON.stringify(body);
    const isLong = text !== null && text.length > INLINE_CHARS;
    sql.exec(
      "INSERT INTO mail (target, seq, subject, body) VALUES (?, ?, ?, ?)",
      target,
      seq,
      subject,
      isLong ? null : text,
    );
    if (isLong) putDocument(sql, documentOf(seq), body);
  }

  /** Withdraws undelivered letters. */
  withdraw(target: string): void {
    this.#forget(this.#select("target = ?", target));
  }

  /** Whether letters to it are undelivered. */
  isWaiting(target: string): boolean {
    return this.#select("target = ? LIMIT 1", target).length > 0;
  }

  /** Call after the transaction, in the same turn: the alarm is then part of the same commit. */
  schedule(): void {
    const soon = Date.now() + FIRST_RETRY_MS;
    const due = this.#targets().map((target) => Math.max(soon, this.#resting.get(target)?.until ?? 0));
    if (due.length > 0) this.#alarm.ringBy(Math.min(...due));
  }

  /** Delivers to all targets that are not pausing. Never throws: the alarm retries letters that were not taken. */
  async deliverAll(): Promise<void> {
    // After this the caller's transaction is over: a microtask later, before any other event.
    await Promise.resolve();
    const now = Date.now();
    const due = this.#targets().filter((target) => (this.#resting.get(target)?.until ?? 0) <= now);
    if (due.length === 0) return;
    await eachLimited(due, AT_ONCE, (target) => this.deliver(target).catch(() => {}));
    this.schedule();
  }

  /** Delivers all letters to one target. Rejects if the target does not take them. */
  deliver(target: string): Promise<void> {
    const line = this.#lines.get(target);
    if (!line) return this.#begin(target);
    // The waiting delivery includes these letters. So a target that does not answer fails once, however much was posted meanwhile.
    line.next ??= line.now.catch(() => {}).then(() => this.#begin(target));
    return line.next;
  }

  #begin(target: string): Promise<void> {
    const now = Promise.resolve().then(() => this.#drain(target));
    const line: Line = { now };
    this.#lines.set(target, line);
    const done = () => {
      if (!line.next) this.#lines.delete(target);
    };
    now.then(done, done);
    return now;
  }

  async #drain(target: string): Promise<void> {
    try {
      for (let rows = this.#batch(target); rows.length > 0; rows = this.#batch(target)) {
        await this.#carry(target, rows.map(this.#read));
        this.#forget(rows);
      }
      this.#resting.delete(target);
    } catch (error) {
      const failures = (this.#resting.get(target)?.failures ?? 0) + 1;
      const pause = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
      this.#resting.set(target, { failures, until: Date.now() + pause });
      logError(`${target} did not take its letters, next try in ${pause} ms:`, error);
      throw error;
    }
  }

  readonly #read = ({ seq, subject, body }: MailRow): Letter<Body> => {
    const known = body === null ? getDocument<Body>(this.#storage.sql, documentOf(seq)) : JSON.parse(body);
    return { seq, subject, body: known as Body };
  };

  #batch(target: string): MailRow[] {
    return this.#select(`target = ? ORDER BY seq LIMIT ${BATCH}`, target);
  }

  #forget(rows: readonly MailRow[]): void {
    for (const { target, seq, body } of rows) {
      this.#storage.sql.exec("DELETE FROM mail WHERE target = ? AND seq = ?", target, seq);
      if (body === null) deleteDocument(this.#storage.sql, documentOf(seq));
    }
  }

  #select(where: string, ...values: string[]): MailRow[] {
    return this.#storage.sql.exec<MailRow>(`SELECT * FROM mail WHERE ${where}`, ...values).toArray();
  }

  #targets(): string[] {
    return this.#storage.sql
      .exec<{ target: string }>("SELECT DISTINCT target FROM mail")
      .toArray()
      .map(({ target }) => target);
  }
}

interface Line {
  now: Promise<void>;
  next?: Promise<void>;
}

interface MailRow extends Record<string, SqlStorageValue> {
  target: string;
  seq: number;
  subject: string;
  body: string | null;
}

function documentOf(seq: number): string {
  return `mail/${seq}`;
}

/** The letters that this object has not taken before; marks them as taken. Call it in the transaction that applies them. */
export function takeNew<Body>(
  sql: SqlStorage,
  sender: string,
  letters: readonly Letter<Body>[],
): Letter<Body>[] {
  const [row] = sql.exec<{ seq: number }>("SELECT seq FROM heard WHERE sender = ?", sender).toArray();
  const fresh = letters.filter(({ seq }) => seq > (row?.seq ?? 0));
  const last = fresh.at(-1)?.seq;
  if (last !== undefined) sql.exec("INSERT OR REPLACE INTO heard (sender, seq) VALUES (?, ?)", sender, last);
  return fresh;
}

/** The sender is gone for good: nothing more comes from it. */
export function forgetSender(sql: SqlStorage, sender: string): void {
  sql.exec("DELETE FROM heard WHERE sender = ?", sender);
}
