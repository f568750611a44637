/** Shared by the end-to-end tests: one cluster for all files, sessions over the HTTP API, commands in containers. */
import type Dockerode from "dockerode";
import { expect } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { type Cluster, startCluster } from "../lab/cluster.ts";
import type { Result } from "../lab/command.ts";
import { dockerExec } from "../lab/docker-exec.ts";

export const HOSTS = 3;

let shared: Promise<Cluster> | undefined;

/** The cluster that all test files use (vitest runs them in one process, one after the other). */
export function cluster(): Promise<Cluster> {
  shared ??= startCluster({
    hosts: HOSTS,
    agentFlags: ["--cpu", "8", "--memory", "16GiB", "--gpu", "4"],
  });
  return shared;
}

export interface Answer<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
}

/** One raw HTTP request as the admin: a body that is no object is sent as it is. */
export async function request<T = unknown>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const { api } = await cluster();
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${api.token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const answer = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (answer === "" ? undefined : JSON.parse(answer)) as T,
  };
}

/** Creates a session and waits until it is settled. */
export async function create(body: object): Promise<SessionView> {
  const answer = await request<SessionView>("POST", "/v1/sessions", body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return settled(answer.body.id);
}

/** Creates a session that must reach `running`. */
export async function running(body: object): Promise<SessionView> {
  const session = await create(body);
  expect(session.status, session.reason ?? "").toBe("running");
  return session;
}

export async function get(id: string): Promise<SessionView> {
  return (await request<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

/** Waits, as long as the test may take, until the session is running, failed or terminated. */
export function settled(id: string): Promise<SessionView> {
  return until(id, ["running", "failed", "terminated"]);
}

/** Waits until the session is over. */
export function ended(id: string): Promise<SessionView> {
  return until(id, ["failed", "terminated"]);
}

async function until(id: string, statuses: SessionView["status"][]): Promise<SessionView> {
  for (;;) {
    const { body } = await request<SessionView>("GET", `/v1/sessions/${id}?wait=60`);
    if (statuses.includes(body.status)) return body;
    // `wait` answers at once for a running session. So this waits for the end of main1, with which every session ends.
    if (body.status === "running") await endOfMain(body);
  }
}

async function endOfMain(session: SessionView): Promise<void> {
  const docker = await dockerOf(session, "main1");
  const gone = (error: { statusCode?: number }) => {
    if (error.statusCode !== 404) throw error;
  };
  await docker.getContainer(containerOf(session, "main1").containerId!).wait().catch(gone);
}

/** Ends a session and waits until it is over. */
export async function end(session: Pick<SessionView, "id">): Promise<SessionView> {
  const answer = await request("DELETE", `/v1/sessions/${session.id}`);
  expect(answer.status).toBe(202);
  return ended(session.id);
}

/** The Docker engine that runs a host of the session. A second node on a lab host has the host's name as prefix: `node1-open`. */
export async function dockerOf(session: SessionView, host: string): Promise<Dockerode> {
  const { lab } = await cluster();
  const node = containerOf(session, host).node;
  const found = lab.hosts.find(({ name }) => node === name || node?.startsWith(`${name}-`));
  if (!found) throw new Error(`no lab host ${node}`);
  return found.docker;
}

export function containerOf(session: SessionView, host: string) {
  const container = session.containers.find((each) => each.host === host);
  if (!container) throw new Error(`no ${host} in ${session.name}`);
  return container;
}

/** Runs a program in a container with `docker exec`, by default as the container's own user. */
export async function exec(
  session: SessionView,
  host: string,
  argv: string[],
  options: { user?: string } = {},
): Promise<Result> {
  const docker = await dockerOf(session, host);
  return dockerExec(docker, containerOf(session, host).containerId!, argv, options);
}

/** Runs a shell script in a container, which must succeed; returns its stdout. */
export async function sh(
  session: SessionView,
  host: string,
  script: string,
  options: { user?: string; shell?: string[] } = {},
): Promise<string> {
  const { shell = ["sh", "-c"], ...rest } = options;
  const ran = await exec(session, host, [...shell, script], rest);
  expect(ran.code, `${host}: ${script}\n${ran.stdout}${ran.stderr}`).toBe(0);
  return ran.stdout;
}

/** Connections from nodes to the API, by node. */
export async function connections(): Promise<Record<string, number>> {
  const { lab, api } = await cluster();
  const port = new URL(api.url).port;
  const { stdout } = await lab.api.exec(["ss", "-Htn", "state", "established", `sport = :${port}`]);
  const count = (address: string) =>
    stdout.split("\n").filter((line) => line.includes(` ${address}:`)).length;
  return Object.fromEntries(lab.hosts.map(({ name, address }) => [name, count(address)]));
}

/** Parses the output of `env -0` or `env`. */
export function variables(printed: string): Record<string, string> {
  return Object.fromEntries(
    printed
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
