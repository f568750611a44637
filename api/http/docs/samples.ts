/** How each operation is called with curl, from TypeScript and from Python: `x-codeSamples`, which viewers of OpenAPI show. */
import type { OperationId } from "../../../shared/access/access.ts";

export interface Sample {
  lang: string;
  label: string;
  source: string;
}

/** The parts of an operation that its samples are made of. */
export interface Described {
  operationId: string;
  security?: object[];
  parameters?: { name: string; in: string; schema?: object }[];
  requestBody?: { content: Record<string, { example?: unknown }> };
  responses: object;
}

/** Operations that the clients wrap in something handier than a function of the same name. */
const TYPESCRIPT: Partial<Record<OperationId, string>> = {
  listSessions: "for await (const session of skein.sessions()) { /* session.name, session.status */ }",
  listNodes: "for await (const node of skein.nodes()) { /* node.name, node.status */ }",
  listTokens: "for await (const token of skein.tokens()) { /* token.id, token.project */ }",
  listAudit: "for await (const entry of skein.audit()) { /* entry.at, entry.action */ }",
  streamEvents: "for await (const event of skein.events()) { /* event */ }",
  streamSessionEvents: 'for await (const event of skein.events({ session: "train" })) { /* event */ }',
  readLogs:
    'for await (const { host, text } of skein.logs({ session: "train", follow: true })) { /* host, text */ }',
  execContainer:
    'const { exitCode, stdout } = await skein.run({ session: "train" }, { command: ["hostname"] });',
  forwardPort: 'const stream = await skein.connect({ session: "train", host: "main1" }, 8888);',
};

const PYTHON: Partial<Record<OperationId, string>> = {
  listSessions: "for session in skein.sessions():\n    print(session['name'], session['status'])",
  getSession: "session = skein.session('train')",
  endSession: "skein.end_session('train')",
  streamEvents: "for event in skein.events():\n    print(event)",
  streamSessionEvents: "for event in skein.events('train'):\n    print(event)",
  readLogs: "for line in skein.logs('train', follow=True):\n    print(line['host'], line['text'])",
  execContainer: "result = skein.run('train', ['hostname'])",
  forwardPort: "stream = skein.connect('train', 8888, host='main1')",
  createAppLink: "url = skein.app_link('train', 'notebook')",
};

export function samplesOf(method: string, path: string, operation: Described): Sample[] {
  const { operationId, responses } = operation;
  const id = operationId as OperationId;
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.example;
  const isSocket = "101" in responses;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => exampleOf(operation, name));
  const sample = (lang: string, label: string, source: string | undefined) =>
    source === undefined ? [] : [{ lang, label, source }];
  return [
    ...sample("Shell", "curl", isSocket ? undefined : curl(method, filled, body, operation)),
    ...sample(
      "TypeScript",
      "TypeScript",
      TYPESCRIPT[id] ?? (isSocket ? undefined : typescript(operation, body)),
    ),
    ...sample("Python", "Python", PYTHON[id] ?? (isSocket ? undefined : python(method, filled, id, body))),
  ];
}

function exampleOf({ parameters = [] }: Described, name: string): string {
  const schema = parameters.find((each) => each.in === "path" && each.name === name)?.schema;
  return String((schema as { example?: unknown } | undefined)?.example ?? name);
}

function curl(method: string, path: string, body: unknown, { security = [] }: Described): string {
  const verb = method === "get" ? "" : ` -X ${method.toUpperCase()}`;
  const lines = [
    `curl${verb} "$SKEIN_API${path}"`,
    ...(security.length > 0 ? ['-H "Authorization: Bearer $SKEIN_TOKEN"'] : []),
    ...(body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(body)}'`]),
  ];
  return lines.join(" \\\n  ");
}

function typescript({ operationId, parameters = [], ...operation }: Described, body: unknown): string {
  const names = parameters.filter((each) => each.in === "path").map(({ name }) => name);
  const path = names.map(
    (name) => `${name}: ${JSON.stringify(exampleOf({ operationId, parameters, ...operation }, name))}`,
  );
  const parts = [
    ...(path.length > 0 ? [`path: { ${path.join(", ")} }`] : []),
    ...(body === undefined ? [] : [`body: ${JSON.stringify(body)}`]),
  ];
  const answers = "204" in operation.responses ? "" : "const answer = ";
  return `${answers}await skein.${operationId}(${parts.length > 0 ? `{ ${parts.join(", ")} }` : ""});`;
}

function python(method: string, path: string, id: OperationId, body: unknown): string {
  // JSON's true, false and null are other words in Python.
  const text = JSON.stringify(body)
    ?.replaceAll(/\b(true|false)\b/g, (word) => (word === "true" ? "True" : "False"))
    .replaceAll(/\bnull\b/g, "None");
  if (id === "createSession") return `session = skein.create_session(${text})`;
  return `answer = skein.call('${method.toUpperCase()}', '${path}'${text === undefined ? "" : `, ${text}`})`;
}
