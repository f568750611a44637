/** Fleet's tables. */

/** JSON in `join_addresses`, `labels`, `capacity`, `facts`, `demand`, `avoid`, `claim`, `gpu_ids`. Times in ms since 1970, unless text: then RFC 3339. */
export const FLEET_SCHEMA = `
  CREATE TABLE IF NOT EXISTS nodes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL,
    address TEXT NOT NULL,
    -- As they were when the node joined, which took a token.
    join_addresses TEXT NOT NULL,
    labels TEXT NOT NULL,
    schedulable INTEGER NOT NULL DEFAULT 1,
    capacity TEXT NOT NULL,
    facts TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'disconnected',
    -- Number of the last news of its Node.
    news INTEGER NOT NULL DEFAULT 0,
    seen_at INTEGER,
    -- How often nodes had joined or left when its Node was last told where they are.
    told INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE IF NOT EXISTS sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    live INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    -- What it waits for a plan for, and since when; null where it does not.
    ask INTEGER,
    waits_since INTEGER,
    epoch INTEGER NOT NULL,
    -- What the planner needs to know of the spec; the Session has all of it.
    demand TEXT NOT NULL,
    -- Subnets and VNIs that did not work out for it.
    avoid TEXT NOT NULL DEFAULT '{"subnets":[],"vnis":[]}',
    -- Number of the last news of its Session.
    news INTEGER NOT NULL DEFAULT 0
  );
  CREATE UNIQUE INDEX IF NOT EXISTS live_names ON sessions (project, name) WHERE live = 1;
  CREATE INDEX IF NOT EXISTS names ON sessions (name, project, seq);
  CREATE INDEX IF NOT EXISTS projects ON sessions (project, seq);
  CREATE INDEX IF NOT EXISTS statuses ON sessions (project, status, seq);
  -- The order of the queue, and all that a look at it needs.
  CREATE INDEX IF NOT EXISTS queue ON sessions (priority DESC, seq, ask, waits_since, id) WHERE ask IS NOT NULL;
  CREATE INDEX IF NOT EXISTS asking ON sessions (ask) WHERE ask IS NOT NULL;
  -- Waiting sessions with equal demands share one (shared/queue/queue.ts).
  CREATE TABLE IF NOT EXISTS asks (
    id INTEGER PRIMARY KEY,
    demand TEXT NOT NULL,
    avoid TEXT NOT NULL,
    -- What was found; a reason of null: nobody has looked since the fleet changed.
    reason TEXT,
    claim TEXT,
    current INTEGER NOT NULL DEFAULT 0,
    UNIQUE (demand, avoid)
  );
  CREATE INDEX IF NOT EXISTS untried ON asks (id) WHERE current = 0;
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
  CREATE INDEX IF NOT EXISTS held ON reservations (node);
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
  CREATE TABLE IF NOT EXISTS audit (
    -- Sorts by time: refusals are handed over later than they happened.
    seq INTEGER PRIMARY KEY,
    -- change or refusal, and the how manieth of its kind.
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
  CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS targets ON outbox (target, seq);
`;
