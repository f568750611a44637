/** Enforces which folder may import which: the table of docs/architecture.md for the parts, and the tables below for their insides. */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

type Table = Record<string, readonly string[]>;

/** Part → the other parts it may import from. */
const PARTS: Table = {
  shared: [],
  api: ["shared"],
  agent: ["shared"],
  sdk: [],
  cli: ["sdk", "shared"],
  test: ["agent", "cli", "sdk", "shared"],
  bench: ["agent", "cli", "sdk", "shared", "test"],
};

/** Exceptions where one program starts another part of Skein: the files, by the start of their paths. */
const MAY_ALSO: Table = {
  "cli/commands/agent.ts": ["agent"],
  "cli/commands/demo.ts": ["test"],
  "cli/commands/setup.ts": ["test"],
  "cli/demo/": ["test"],
  "cli/kit.ts": ["agent"],
};

/**
 * Part → folder in it → the other folders of that part it may import from, and files at its top. Top files put the part together, and may
 * import all of it. Tests may, too.
 */
const INSIDE: Record<string, Table> = {
  shared: {
    text: [],
    apps: [],
    errors: [],
    network: [],
    frameworks: [],
    settings: ["network"],
    ssh: [],
    access: ["text"],
    node: ["text"],
    request: ["apps", "errors", "frameworks", "node", "settings", "ssh", "text"],
    plan: ["apps", "frameworks", "network", "node", "request", "text"],
    queue: ["network", "plan", "request"],
    session: ["apps", "network", "plan", "request", "text"],
    protocol: ["frameworks", "network", "node", "plan", "request", "session", "settings", "ssh", "text"],
    streams: ["protocol"],
    testing: ["network", "node", "plan", "protocol", "request", "settings"],
  },
  api: {
    platform: [],
    mailbox: ["platform"],
    access: ["platform"],
    events: ["access", "platform"],
    feed: ["access", "events", "platform"],
    fleet: ["mailbox", "platform"],
    session: ["access", "events", "mailbox", "platform"],
    link: ["platform"],
    tunnel: ["access", "link", "platform"],
    apps: ["access", "http", "link", "platform", "tunnel"],
    http: ["access", "platform"],
    audit: ["http", "mailbox", "platform"],
    routes: ["access", "apps", "audit", "events", "http", "link", "platform", "tunnel"],
    testing: [
      "app.ts",
      "access",
      "audit",
      "events",
      "feed",
      "fleet",
      "http",
      "link",
      "mailbox",
      "platform",
      "routes",
      "session",
      "tunnel",
    ],
  },
  agent: {
    host: [],
    kit: [],
    network: ["host"],
    docker: ["log.ts", "rejection-of.ts", "save-file.ts", "kit", "network"],
    ssh: ["kit"],
    frameworks: ["kit", "ssh"],
    node: ["backoff.ts", "log.ts", "docker", "host", "network"],
    link: ["backoff.ts", "log.ts", "node"],
    session: [
      "backoff.ts",
      "log.ts",
      "save-file.ts",
      "docker",
      "frameworks",
      "host",
      "kit",
      "logs",
      "network",
      "ssh",
    ],
    logs: ["log.ts", "save-file.ts", "docker", "network", "streams"],
    streams: ["backoff.ts", "log.ts", "docker", "link"],
    exec: ["rejection-of.ts", "docker", "kit", "streams"],
    ports: ["docker", "kit", "streams"],
    files: ["docker", "ssh", "streams"],
    apps: ["ports", "streams"],
    testing: ["streams"],
  },
};

interface Import {
  file: string;
  target: string;
}

const parts = Object.keys(PARTS);
const files = globSync(
  parts.map((part) => `${part}/**/*.ts`),
  { cwd: ROOT },
).sort();

const isTest = (file: string) => /\.(test|lab)\.ts$/.test(file);
const partOf = (file: string) => file.split(sep)[0]!;
/** Undefined at the top of a part. */
const folderOf = (file: string) => (file.split(sep).length > 2 ? file.split(sep)[1] : undefined);

/** Static and dynamic imports and re-exports of our own files, also of types alone, and in tests `vi.mock`. */
function importsOf(file: string): Import[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const specifiers = source.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\bvi\.mock\(\s*)"(\.{1,2}\/[^"]+)"/g);
  return [...specifiers].map(([, specifier]) => {
    const target = relative(ROOT, resolve(ROOT, file, "..", specifier!));
    return { file, target };
  });
}

/** The problem with an import; undefined: none. */
function objection({ file, target }: Import): string | undefined {
  const [from, to] = [partOf(file), partOf(target)];
  if (from !== to) {
    return PARTS[from]!.includes(to) || extrasOf(file).includes(to)
      ? undefined
      : `${from}/ may not know ${to}/`;
  }
  const [here, there] = [folderOf(file), folderOf(target)];
  const table = INSIDE[from];
  if (!table || isTest(file) || here === undefined || here === there) return undefined;
  const what = there ?? basename(target);
  return table[here]?.includes(what) ? undefined : `${from}/${here}/ may not know ${from}/${what}`;
}

function extrasOf(file: string): readonly string[] {
  return Object.entries(MAY_ALSO).flatMap(([path, extra]) => (file.startsWith(path) ? extra : []));
}

/** Each circle of files that import each other, over any number of steps (Tarjan's strongly connected components). */
function circlesOf(imports: readonly Import[]): string[][] {
  const targets = Map.groupBy(imports, ({ file }) => file);
  const [index, low, stack, circles] = [
    new Map<string, number>(),
    new Map<string, number>(),
    [] as string[],
    [] as string[][],
  ];
  const visit = (file: string) => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const { target } of targets.get(file) ?? []) {
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const file of targets.keys()) if (!index.has(file)) visit(file);
  return circles;
}

describe("layering", () => {
  const imports = files.flatMap(importsOf);

  test("finds every part, and imports in each kind of file", () => {
    expect(new Set(files.map(partOf))).toEqual(new Set(parts));
    expect(imports).toContainEqual({ file: "cli/command-line.ts", target: "cli/command.ts" });
    expect(imports).toContainEqual({ file: "cli/commands/index.ts", target: "cli/commands/serve.ts" });
  });

  test("has a row for each folder of each part that it checks, and no other", () => {
    for (const [part, table] of Object.entries(INSIDE)) {
      const folders = files.filter((file) => partOf(file) === part).flatMap((file) => folderOf(file) ?? []);
      expect(Object.keys(table).sort(), part).toEqual([...new Set(folders)].sort());
    }
  });

  test("no file imports from a folder that is closed to its own", () => {
    const wrong = imports.flatMap((each) => {
      const why = objection(each);
      return why === undefined ? [] : [`${each.file} imports ${each.target}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  test("no files import each other in a circle", () => {
    expect(circlesOf(imports.filter(({ file }) => !isTest(file)))).toEqual([]);
  });

  test("every exception is used", () => {
    for (const [path, extra] of Object.entries(MAY_ALSO)) {
      const used = imports.filter(({ file }) => file.startsWith(path)).map(({ target }) => partOf(target));
      expect(used, path).toEqual(expect.arrayContaining([...extra]));
    }
  });

  test.each([
    ["one part importing another", "api/index.ts", "agent/index.ts"],
    ["the pure core importing anything", "shared/request/spec.ts", "sdk/index.ts"],
    ["a route importing Fleet's SQL", "api/routes/session-routes.ts", "api/fleet/session-index.ts"],
    [
      "the agent's network importing its sessions",
      "agent/network/overlay.ts",
      "agent/session/session-network.ts",
    ],
    ["a folder importing the top file of its part", "api/platform/objects.ts", "api/index.ts"],
  ])("%s would be found", (_what, file, target) => {
    expect(objection({ file, target })).toBeDefined();
  });

  test("a circle would be found, also over several files", () => {
    const circle = ["a.ts", "b.ts", "c.ts"].map((file, at, all) => ({ file, target: all[(at + 1) % 3]! }));
    expect(circlesOf([...circle, { file: "d.ts", target: "a.ts" }])).toEqual([["a.ts", "b.ts", "c.ts"]]);
  });
});

test("file names are unique over all parts that ship", () => {
  const named = files
    .filter((file) => ["shared", "api", "agent", "cli"].includes(partOf(file)) && !isTest(file))
    .filter((file) => basename(file) !== "index.ts" && !/\/(commands|testing)\//.test(dirname(file) + sep));
  const twice = [...Map.groupBy(named, (file) => basename(file)).values()].filter(({ length }) => length > 1);
  expect(twice).toEqual([]);
});
