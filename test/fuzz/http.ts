/** The fuzz run over HTTP: requests made from the document against a real API. It judges each answer and watches the state. */
import { Agent, request as send } from "node:http";
import fc from "fast-check";
import { ABOUT, type About, TestNode } from "../support/node.ts";
import { type TestApi, testApi } from "../support/server.ts";
import { type Answer, faultOf } from "./document.ts";
import { absurd, bodies, OPERATIONS, oddText } from "./values.ts";

interface FuzzRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

export interface Figures {
  seed: number;
  requests: number;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** How often the state was compared with the answers. */
  stateChecks: number;
  sessions: number;
  /** Nodes that requests could change: another node replaced each removed one. */
  nodes: number;
  /** Problems, with their requests. */
  faults: string[];
}

const NAMES = ["a", "b", "train", "s-1", "node-1"];
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"];
const CHECK_EVERY = 100;
/** Nodes that are connected and obey; requests name the first. */
const NODES = ["node-1", "node-2"];

const encoded = (text: string) => encodeURIComponent(text.toWellFormed()).slice(0, 2000);
const segment = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 2, arbitrary: oddText.map(encoded) },
  { weight: 1, arbitrary: fc.constantFrom("%", "%zz", "%ff", "%2F..%2F", "a%00", "x".repeat(257)) },
);
// A valid wait is short, so that the run does not spend its time on it.
const queryValue = fc.oneof(
  fc.constantFrom("0", "0.001", "1", "true", "running", "200"),
  oddText.map(encoded),
);

const requests: fc.Arbitrary<FuzzRequest> = fc.constantFrom(...OPERATIONS).chain((operation) => {
  const content = operation.requestBody?.content["application/json"];
  const known = (operation.parameters ?? []).flatMap(({ name, in: where }) =>
    where === "query" ? [name] : [],
  );
  const force = known.includes("force") ? [fc.constant<[string, string][]>([["force", "true"]])] : [];
  const query = fc.array(fc.tuple(fc.constantFrom(...known, "x", "__proto__"), queryValue), { maxLength: 2 });
  return fc
    .record({
      id: operation.path.startsWith("/v1/nodes/")
        ? fc.oneof({ weight: 2, arbitrary: fc.constant(NODES[0]!) }, segment)
        : segment,
      query: fc.oneof(
        { weight: 2, arbitrary: fc.constant<[string, string][]>([]) },
        { weight: 1, arbitrary: query },
        ...force,
      ),
      method: fc.oneof({ weight: 12, arbitrary: fc.constant(operation.method) }, fc.constantFrom(...METHODS)),
      type: fc.oneof(
        { weight: 12, arbitrary: fc.constant("application/json") },
        fc.constantFrom("text/plain", "", "a/b;c"),
      ),
      key: fc.option(fc.constantFrom("k1", "k2", "k 3", "x".repeat(256)), { freq: 6 }),
      stranger: fc.nat(15).map((n) => n === 0),
      body: content?.schema
        ? fc.oneof(
            { weight: 60, arbitrary: bodies(content.schema, content.example) },
            fc.constant("9".repeat(2 ** 20 + 1)),
          )
        : fc.option(
            absurd.map((value) => JSON.stringify(value) ?? ""),
            { freq: 8 },
          ),
    })
    .map(({ id, query, method, type, key, stranger, body }) => ({
      method,
      path:
        operation.path.replace("{id}", id) +
        (query.length > 0 ? `?${query.map(([name, value]) => `${name}=${value}`).join("&")}` : ""),
      headers: {
        ...(body === null || body === undefined ? {} : { "content-type": type }),
        ...(key === null ? {} : { "idempotency-key": key }),
        ...(stranger ? { authorization: "Bearer wrong" } : {}),
      },
      body: body ?? undefined,
    }));
});

/** Sends `count` requests, the same ones for the same seed. */
export async function fuzzHttp(seed: number, count: number): Promise<Figures> {
  const api = await testApi({ requestBurst: 10_000_000, maxLiveSessions: 1_000_000 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const figures: Figures = {
    ...{ seed, requests: 0, statuses: {}, stateChecks: 0, sessions: 0, nodes: 0, faults: [] },
  };
  const made = new Set<string>();
  const nodes = new Map<string, TestNode>();
  const ask = async (each: FuzzRequest): Promise<Answer> => {
    const headers = { authorization: `Bearer ${api.server.token}`, ...each.headers };
    return await exchange(new URL(api.server.url), agent, { ...each, headers });
  };
  try {
    figures.nodes += await replenish(api, nodes);
    for (const each of fc.sample(requests, { seed, numRuns: count })) {
      const answer = await ask(each).catch((error: Error) => ({
        status: 599,
        type: "",
        body: error.message,
      }));
      figures.requests++;
      figures.statuses[answer.status] = (figures.statuses[answer.status] ?? 0) + 1;
      const fault = faultOf(each.method, each.path, answer);
      const shown = `${each.method} ${each.path.slice(0, 200)} ${each.body?.slice(0, 300) ?? ""}`;
      if (fault) figures.faults.push(`${shown}: ${fault} ${answer.body.slice(0, 300)}`);
      if (answer.status === 202 && each.method === "POST")
        made.add((JSON.parse(answer.body) as { id: string }).id);
      if (answer.status === 204 && each.method === "DELETE")
        nodes.delete(/^\/v1\/nodes\/([^?]+)/.exec(each.path)?.[1] ?? "");
      if (figures.requests % CHECK_EVERY === 0 || figures.requests === count) {
        figures.stateChecks++;
        const known = new Set([...made, ...[...nodes.values()].map(({ id }) => id)]);
        const there = new Set([...(await idsOf(api.call, "sessions")), ...(await idsOf(api.call, "nodes"))]);
        const strays = [...there, ...known].filter((id) => !there.has(id) || !known.has(id));
        if (strays.length > 0) figures.faults.push(`refused requests have made or lost: ${strays}`);
        figures.nodes += await replenish(api, nodes);
      }
    }
    figures.sessions = made.size;
  } finally {
    agent.destroy();
    await api.close();
  }
  return figures;
}

type Call = (method: string, path: string) => Promise<Response>;

/** A node that allows some of the access that requests ask for, from the document's own examples. */
const OPEN: About = {
  ...ABOUT,
  facts: {
    ...ABOUT.facts,
    allows: {
      mounts: [{ source: "/data", readOnly: true }],
      devices: ["/dev/infiniband"],
      privileged: true,
      hostNetwork: false,
    },
  },
};

/** Joins nodes in place of removed ones; returns how many. */
async function replenish(api: TestApi, nodes: Map<string, TestNode>): Promise<number> {
  const missing = NODES.filter((name) => !nodes.has(name));
  for (const name of missing) {
    const node = await TestNode.join(api, name, name === NODES[0] ? OPEN : ABOUT);
    nodes.set(name, node);
    await node.follow();
  }
  return missing.length;
}

async function idsOf(call: Call, what: "sessions" | "nodes"): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let cursor: string | null = ""; cursor !== null; ) {
    const response = await call("GET", `/v1/${what}?limit=200${cursor && `&cursor=${cursor}`}`);
    const page = (await response.json()) as { items: { id: string }[]; nextCursor: string | null };
    for (const { id } of page.items) ids.add(id);
    cursor = page.nextCursor;
  }
  return ids;
}

const STREAMS = ["text/event-stream", "application/x-ndjson"];

function exchange(url: URL, agent: Agent, { method, path, headers, body }: FuzzRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const outgoing = send(
      { host: url.hostname, port: url.port, method, path, headers: { ...headers, ...length }, agent },
      async (response) => {
        try {
          const type = response.headers["content-type"]?.split(";")[0] ?? "";
          // A stream of events does not end by itself, and one of logs waits 10 s for the tunnels that these nodes do not open.
          if (STREAMS.includes(type)) response.destroy();
          const text = response.destroyed ? "" : (await response.setEncoding("utf8").toArray()).join("");
          resolve({ status: response.statusCode!, type, body: text });
        } catch (error) {
          reject(error);
        }
      },
    );
    outgoing.on("error", reject).end(body);
  });
}
