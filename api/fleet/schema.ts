/** Fleet's tables. */
import { MAIL_SCHEMA } from "../mailbox/mailbox.ts";
import { DOCUMENTS } from "../platform/documents.ts";

/**
 * JSON in `join_addresses`, `labels`, `capacity`, `facts`, `spec`, `avoid`, `claim`, `gpu_ids`, `view`. Times in ms since 1970.
 */
export const FLEET_SCHEMA = `
  CREATE TABLE IF NOT EXISTS nodes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL,
    address TEXT NOT NULL,
    -- As reported when the node joined, which took a token.
    join_addresses TEXT NOT NULL,
    labels TEXT NOT NULL,
    schedulable INTEGER NOT NULL DEFAULT 1,
    capacity TEXT NOT NULL,
    facts TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'disconnected',
    -- Counts its connections: messages with a lower number are void.
    connection INTEGER NOT NULL DEFAULT 0,
    -- While its link is down: last sign of life. Its lease counts from then.
    heard_at INTEGER
  );
  CREATE INDEX IF NOT EXISTS node_statuses ON nodes (status, heard_at);
  -- Addresses that joined the fleet or left it, by the number of the change.
  CREATE TABLE IF NOT EXISTS node_changes (
    number INTEGER NOT NULL, address TEXT NOT NULL, added INTEGER NOT NULL, PRIMARY KEY (number, address)
  );
  CREATE TABLE IF NOT EXISTS sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    live INTEGER NOT NULL,
    ended_at INTEGER,
    priority INTEGER NOT NULL,
    -- The demand that it waits with, and since when; null if it does not wait.
    demand INTEGER,
    waits_since INTEGER,
    -- Seconds that it may wait; while it waits: until when.
    queue_timeout INTEGER,
    waits_until INTEGER,
    epoch INTEGER NOT NULL,
    -- What the planner needs to know of the spec; the Session has all of it.
    spec TEXT NOT NULL,
    -- Subnets and VNIs that conflicted in its earlier plans.
    avoid TEXT NOT NULL DEFAULT '{"subnets":[],"vnis":[]}',
    -- The session as lists show it.
    view TEXT NOT NULL
  );
  CREATE UNIQUE INDEX IF NOT EXISTS live_names ON sessions (project, name) WHERE live = 1;
  CREATE INDEX IF NOT EXISTS names ON sessions (name, project, seq);
  CREATE INDEX IF NOT EXISTS projects ON sessions (project, seq);
  CREATE INDEX IF NOT EXISTS statuses ON sessions (project, status, seq);
  CREATE INDEX IF NOT EXISTS ended ON sessions (ended_at) WHERE live = 0;
  CREATE INDEX IF NOT EXISTS ended_of_project ON sessions (project, ended_at) WHERE live = 0;
  -- The order of the queue, with all columns that a round reads.
  CREATE INDEX IF NOT EXISTS queue ON sessions (priority DESC, seq, demand, waits_since, id) WHERE demand IS NOT NULL;
  CREATE INDEX IF NOT EXISTS impatient ON sessions (waits_until) WHERE waits_until IS NOT NULL;
  CREATE INDEX IF NOT EXISTS demanding ON sessions (demand) WHERE demand IS NOT NULL;
  -- Waiting sessions with equal specs share one (shared/queue/queue.ts).
  CREATE TABLE IF NOT EXISTS demands (
    id INTEGER PRIMARY KEY,
    spec TEXT NOT NULL,
    avoid TEXT NOT NULL,
    -- Result of the last evaluation. Once it may be out of date, only the reason stays, for display.
    reason TEXT,
    lacks TEXT,
    claim TEXT,
    current INTEGER NOT NULL DEFAULT 0,
    UNIQUE (spec, avoid)
  );
  CREATE INDEX IF NOT EXISTS untried ON demands (id) WHERE current = 0;
  CREATE INDEX IF NOT EXISTS evaluated ON demands (id) WHERE lacks IS NOT NULL;
  CREATE TABLE IF NOT EXISTS reservations (
    session TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    node TEXT NOT NULL,
    cpu REAL NOT NULL,
    memory INTEGER NOT NULL,
    gpu_ids TEXT NOT NULL,
    containers INTEGER NOT NULL,
    PRIMARY KEY (session, epoch, node)
  );
  CREATE INDEX IF NOT EXISTS reserved_on ON reservations (node, session);
  -- Held as long as any node holds a reservation of the same session and epoch.
  CREATE TABLE IF NOT EXISTS networks (
    session TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    subnet TEXT NOT NULL,
    vni INTEGER,
    PRIMARY KEY (session, epoch)
  );
  CREATE TABLE IF NOT EXISTS join_tokens (hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS idempotency (
    project TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    session TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (project, key)
  );
  CREATE TABLE IF NOT EXISTS tokens (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    role TEXT NOT NULL,
    note TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
  );
  -- Credentials; the password is sealed (api/platform/seal.ts).
  CREATE TABLE IF NOT EXISTS registries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    host TEXT NOT NULL,
    username TEXT NOT NULL,
    password TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (host, project)
  );
  CREATE INDEX IF NOT EXISTS registries_of_project ON registries (project, seq);
  CREATE TABLE IF NOT EXISTS audit (
    -- Sorts by time: refusals arrive later than they happened.
    seq INTEGER PRIMARY KEY,
    -- "change", "wayIn" or "refusal", and its number within its kind.
    kind TEXT NOT NULL,
    nth INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT,
    project TEXT,
    action TEXT NOT NULL,
    target TEXT,
    status INTEGER NOT NULL,
    code TEXT
  );
  CREATE UNIQUE INDEX IF NOT EXISTS kinds ON audit (kind, nth);
  ${MAIL_SCHEMA}
  ${DOCUMENTS}`;
