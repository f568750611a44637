/**
 * Skein's client, bound to one address and token: one function per operation of the API, generated from its OpenAPI document; `events`, which
 * follows the event streams; `logs`, which reads containers' output; `exec` and `connect`, which open streams into containers.
 */
import { type Streams, streamsOf, type Way } from "./dial-stream.ts";
import { type FollowOptions, follow, type SkeinEvent } from "./events.ts";
import { createClient, createConfig } from "./generated/client/index.ts";
import * as operations from "./generated/sdk.gen.ts";
import type { Problem } from "./generated/types.gen.ts";
import { type LogOptions, type OutputLine, readLogs } from "./logs.ts";

export type { Command, Container, Streams } from "./dial-stream.ts";
export type { FollowOptions, SkeinEvent } from "./events.ts";
export { fetchFailure } from "./fetch-failure.ts";
export type * from "./generated/types.gen.ts";
export type { LogOptions, OutputLine } from "./logs.ts";
export type { Piece, RemoteStream, StreamResult } from "./remote-stream.ts";

/** Operations whose answer is a stream. Those for clients have a function of their own here. */
type Streaming =
  | "streamEvents"
  | "streamSessionEvents"
  | "readLogs"
  | "execContainer"
  | "forwardPort"
  | "connectAgent"
  | "openTunnel";

type Operations = {
  [K in Exclude<keyof typeof operations, Streaming> as (typeof operations)[K] extends Operation
    ? K
    : never]: (typeof operations)[K];
};
// biome-ignore lint/suspicious/noExplicitAny: stands for each operation's own types.
type Operation = (options: any) => Promise<any>;
type Data<F extends Operation> = Extract<Awaited<ReturnType<F>>, { error: undefined }>["data"];
type Arguments<F extends Operation> =
  Parameters<F> extends [options?: infer O] ? Omit<NonNullable<O>, "client"> : never;

/** Each operation by its operationId takes `{path, query, headers, body, signal}`, and resolves to what the API answers. */
export type Skein = Streams & {
  [K in keyof Operations]: undefined extends Parameters<Operations[K]>[0]
    ? (options?: Arguments<Operations[K]>) => Promise<Data<Operations[K]>>
    : (options: Arguments<Operations[K]>) => Promise<Data<Operations[K]>>;
} & {
  /** The events of a session, or of all of the token's project: see FollowOptions. @throws ApiProblem */
  events(options?: FollowOptions): AsyncGenerator<SkeinEvent, void, undefined>;
  /** The output of a session's containers, line by line, also after its end: see LogOptions. @throws ApiProblem */
  logs(options: LogOptions): AsyncGenerator<OutputLine, void, undefined>;
};

/** What the API answered instead of what was asked for: RFC 9457 problem details, `code` stable. */
export class ApiProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = "ApiProblem";
    this.problem = problem;
  }
}

export interface SkeinOptions {
  /** Where the API is, like `http://127.0.0.1:8787`. */
  api: string;
  token?: string;
  /** Makes the WebSockets of `exec` and `connect`, as a library may do it faster than the platform. */
  webSocket?: Way["webSocket"];
}

/** What the API refuses is thrown as ApiProblem; what fails on the way there as what `fetch` throws (a TypeError, its `cause` the reason). */
export function createSkein({
  api,
  token,
  webSocket = (url, protocols) => new WebSocket(url, protocols),
}: SkeinOptions): Skein {
  const config = createConfig({ baseUrl: api, throwOnError: true, responseStyle: "data" });
  const client = createClient(token === undefined ? config : { ...config, auth: token });
  client.interceptors.error.use((error, response) => {
    if (response === undefined || response.ok) return error;
    return new ApiProblem(isProblem(error) ? error : problemOf(response));
  });
  const bound = Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (options: object = {}) => (operation as Operation)({ ...options, client }),
    ]),
  );
  const way: Way = {
    api,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    token,
    webSocket,
    async problem(response) {
      const body: unknown = await response.json().catch(() => undefined);
      return new ApiProblem(isProblem(body) ? body : problemOf(response));
    },
  };
  const skein = {
    ...bound,
    ...streamsOf(way),
    events: (options = {}) => events(way, options),
    logs: (options) => logs(skein, way, options),
  } as Skein;
  return skein;
}

function events({ api, headers, problem }: Way, options: FollowOptions) {
  const { session, tail } = options;
  const path = session === undefined ? "/v1/events" : `/v1/sessions/${encodeURIComponent(session)}/events`;
  const url = new URL(path, api);
  if (tail !== undefined) url.searchParams.set("tail", String(tail));
  const connect = (after: string | undefined, signal: AbortSignal) =>
    fetch(url, {
      signal,
      headers: {
        accept: "text/event-stream",
        ...headers,
        ...(after === undefined ? {} : { "last-event-id": after }),
      },
    });
  return follow(connect, options, problem);
}

function logs(skein: Skein, { api, headers, problem }: Way, options: LogOptions) {
  const url = new URL(`/v1/sessions/${encodeURIComponent(options.session)}/logs`, api);
  const ask = (query: Record<string, string>, signal: AbortSignal) => {
    url.search = new URLSearchParams(query).toString();
    return fetch(url, { signal, headers: { accept: "application/x-ndjson", ...headers } });
  };
  const hostsOf = async (signal: AbortSignal) =>
    (await skein.getSession({ path: { id: options.session }, signal })).containers.map(({ host }) => host);
  return readLogs(ask, hostsOf, options, problem);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}

/** For what stands between us and the API (a proxy, a firewall) and answers in its own words. */
function problemOf({ status, statusText, url }: Response): Problem {
  const title = `HTTP ${status}${statusText ? ` ${statusText}` : ""}`;
  return { type: "about:blank", title, status, code: "unknown", detail: `${url} answered ${title}` };
}
