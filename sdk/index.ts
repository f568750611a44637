/**
 * Skein's client, bound to one address and token: one function per operation of the API, generated from its OpenAPI document; `events`, which
 * follows the event streams; `logs`, which reads containers' output; `waitUntil`; iterators over lists; `run`, `exec` and `connect`, which
 * lead into containers. `node.ts` has what only Node can do.
 */
import { problemOf } from "./api-problem.ts";
import { type Command, type Container, type Streams, streamsOf, type Way } from "./dial-stream.ts";
import { type FollowOptions, follow, type SkeinEvent } from "./events.ts";
import { type Files, filesOf } from "./files.ts";
import { createClient, createConfig } from "./generated/client/index.ts";
import * as operations from "./generated/sdk.gen.ts";
import type { Session } from "./generated/types.gen.ts";
import { type LogOptions, type OutputLine, readLogs } from "./logs.ts";
import { type Pages, pagesOf } from "./pages.ts";
import type { ConnectionOptions } from "./reconnecting.ts";
import { type Ran, run } from "./run.ts";
import { type Condition, waitUntil } from "./wait-until.ts";

export { ApiProblem } from "./api-problem.ts";
export type { Command, Container, Streams } from "./dial-stream.ts";
export type { FollowOptions, SkeinEvent } from "./events.ts";
export { fetchFailure } from "./fetch-failure.ts";
export type { FileStat, Files, FilesOptions, PutOptions } from "./files.ts";
export type * from "./generated/types.gen.ts";
export type { LogOptions, OutputLine } from "./logs.ts";
export type { Pages } from "./pages.ts";
export type { ConnectionOptions } from "./reconnecting.ts";
export type { Piece, RemoteStream, StreamResult } from "./remote-stream.ts";
export { type Ran, StreamBroken } from "./run.ts";
export { type Condition, SessionEnded } from "./wait-until.ts";

/** Operations whose answer is a stream. Those for clients have a function of their own here. */
type Streaming =
  | "streamEvents"
  | "streamSessionEvents"
  | "readLogs"
  | "execContainer"
  | "forwardPort"
  | "putFiles"
  | "getFiles"
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
export type Skein = Streams &
  Pages & {
    [K in keyof Operations]: undefined extends Parameters<Operations[K]>[0]
      ? (options?: Arguments<Operations[K]>) => Promise<Data<Operations[K]>>
      : (options: Arguments<Operations[K]>) => Promise<Data<Operations[K]>>;
  } & {
    /** The events of a session, or of all of the token's project: see FollowOptions. @throws ApiProblem */
    events(options?: FollowOptions): AsyncGenerator<SkeinEvent, void, undefined>;
    /** The output of a session's containers, line by line, also after its end: see LogOptions. @throws ApiProblem */
    logs(options: LogOptions): AsyncGenerator<OutputLine, void, undefined>;
    /** Resolves once the session (id or name) is so. @throws ApiProblem; SessionEnded if it ended before; the signal's reason */
    waitUntil(session: string, until: Condition, options?: ConnectionOptions): Promise<Session>;
    /** Runs a command to its end and collects its output; its stdin is empty. @throws as `exec`; StreamBroken */
    run(container: Container, command: Command): Promise<Ran>;
    /** Files into and out of containers. */
    files: Files;
  };

export interface SkeinOptions {
  /** Where the API is, like `http://127.0.0.1:8787`. */
  api: string;
  token?: string | undefined;
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
    return problemOf(error, response);
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
      return problemOf(await response.json().catch(() => undefined), response);
    },
  };
  const streams = streamsOf(way);
  const skein = {
    ...bound,
    ...streams,
    ...pagesOf(bound as never),
    files: filesOf(way),
    events: (options = {}) => events(way, options),
    logs: (options) => logs(skein, way, options),
    waitUntil: (session, until, options) => waitUntil(skein, session, until, options),
    run: (container, command) => run(streams, container, command),
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
