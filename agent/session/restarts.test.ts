import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Assignment, ContainerSpec } from "../../shared/protocol/assignment.ts";
import { type Container, DockerError } from "../docker/port.ts";
import { saveRestart } from "./container-record.ts";
import { type NodeContext, sessionDir } from "./context.ts";
import { type RestartListener, Restarts } from "./restarts.ts";
import { NO_LOGS } from "./sent-fixtures.ts";

const assignment = { session: "ses_1", epoch: 1 } as Assignment;

/** A node with a fake engine that calls `start`, and records which containers it should start. */
function node(start: () => Promise<void> = async () => {}) {
  const sessionsDir = mkdtempSync(join(tmpdir(), "skein-restarts-"));
  onTestFinished(() => rmSync(sessionsDir, { recursive: true }));
  const asked: string[] = [];
  const context = {
    owner: { fleet: "flt_1", node: "node_1" },
    sessionsDir,
    docker: {
      start(id: string) {
        asked.push(id);
        return start();
      },
    },
    limit: <T>(_: AbortSignal, job: () => Promise<T>) => job(),
    logs: NO_LOGS,
    log: { info() {}, warn() {} },
  } as unknown as NodeContext;
  return { context, asked };
}

function listener() {
  return { onVerdict: vi.fn<RestartListener["onVerdict"]>(), onGone: vi.fn<RestartListener["onGone"]>() };
}

const spec = (maxRestarts?: number) => ({ host: "sub1", maxRestarts }) as ContainerSpec;

function ended(finishedAt: number, exitCode = 3): Container {
  return {
    id: "c1",
    labels: {},
    status: "ended",
    startedAt: finishedAt,
    finishedAt,
    exitCode,
    oomKilled: false,
    error: "",
  };
}

/** A restart that is due already, so that no test has to wait. */
const due = { number: 1, inARow: 1, endedAt: 7, why: "it ended with exit code 3", dueAt: 0 };

async function withDue(
  { context }: ReturnType<typeof node>,
  heard: RestartListener,
  most = 3,
): Promise<Restarts> {
  await saveRestart(sessionDir(context, assignment.session), "sub1", due);
  const restarts = new Restarts(context, assignment, heard);
  await restarts.load([spec(most)]);
  return restarts;
}

test("the same end twice is one restart, and the next end another", async () => {
  const { context, asked } = node();
  const restarts = new Restarts(context, assignment, listener());
  const said = [7, 7, 8, 9].map((at) => restarts.ended(spec(2), ended(at), undefined));
  expect(said).toEqual([
    { status: "running", reason: "restart 1 of 2 in 1 s; it ended with exit code 3" },
    { status: "running", reason: "restart 1 of 2 in 1 s; it ended with exit code 3" },
    { status: "running", reason: "restart 2 of 2 in 2 s; it ended with exit code 3" },
    { status: "exited", reason: "its 2 restarts are used up" },
  ]);
  await restarts.close();
  expect(asked).toEqual([]);
});

test("a container without restarts, or with exit code 0, has ended for good", () => {
  const restarts = new Restarts(node().context, assignment, listener());
  expect(restarts.ended(spec(), ended(7, 137), "ended by SIGKILL")).toEqual({
    status: "exited",
    reason: "ended by SIGKILL",
  });
  expect(restarts.ended(spec(5), ended(7, 0), undefined)).toEqual({ status: "exited" });
});

test("a restart that was pending when the agent restarted happens, and is counted once", async () => {
  const lab = node();
  const heard = listener();
  const restarts = await withDue(lab, heard);
  expect(restarts.ended(spec(3), ended(7), undefined).reason).toMatch(/^restart 1 of 3 in 0 s/);
  await vi.waitFor(() =>
    expect(heard.onVerdict).toHaveBeenCalledWith("sub1", {
      status: "running",
      reason: "restart 1 of 3; before, it ended with exit code 3",
    }),
  );
  expect(lab.asked).toEqual(["c1"]);
});

test("an engine that does not answer is asked again, and uses up no restart", async () => {
  let failures = 2;
  const lab = node(async () => {
    if (failures-- > 0) throw new DockerError("connect ECONNREFUSED");
  });
  const heard = listener();
  (await withDue(lab, heard)).ended(spec(3), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onVerdict).toHaveBeenCalled(), 10_000);
  expect(heard.onVerdict.mock.calls[0]![1].reason).toMatch(/^restart 1 of 3;/);
  expect(lab.asked).toHaveLength(3);
});

test("a refused start uses up a restart, and after the last one the engine's message is the reason", async () => {
  const refuse = async () => {
    throw new DockerError("driver failed", 500);
  };
  const heard = listener();
  const restarts = await withDue(node(refuse), heard, 2);
  restarts.ended(spec(2), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onVerdict).toHaveBeenCalledTimes(1));
  expect(heard.onVerdict.mock.calls[0]![1]).toEqual({
    status: "running",
    reason: "restart 2 of 2 in 2 s; it could not be started: driver failed",
  });
  await restarts.close();

  const last = listener();
  (await withDue(node(refuse), last, 1)).ended(spec(1), ended(7), undefined);
  await vi.waitFor(() => expect(last.onVerdict).toHaveBeenCalled());
  expect(last.onVerdict.mock.calls[0]![1]).toEqual({
    status: "exited",
    reason: "it could not be started: driver failed; its restart is used up",
  });
});

test("a container that somebody else removed is reported as gone, and not started", async () => {
  const heard = listener();
  const lab = node(async () => {
    throw new DockerError("No such container: c1", 404);
  });
  (await withDue(lab, heard)).ended(spec(3), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onGone).toHaveBeenCalledWith("sub1", "c1"));
  expect(heard.onVerdict).not.toHaveBeenCalled();
});

test("a container whose network is missing is not gone: its start is refused", async () => {
  const heard = listener();
  const lab = node(async () => {
    throw new DockerError("network skein-1 not found", 404);
  });
  (await withDue(lab, heard, 1)).ended(spec(1), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onVerdict).toHaveBeenCalled());
  expect(heard.onVerdict.mock.calls[0]![1].status).toBe("exited");
  expect(heard.onGone).not.toHaveBeenCalled();
});

test("closing waits for a running start, and reports nothing of it", async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const lab = node(() => answered);
  const heard = listener();
  const restarts = await withDue(lab, heard);
  restarts.ended(spec(3), ended(7), undefined);
  await vi.waitFor(() => expect(lab.asked).toEqual(["c1"]));
  let closed = false;
  const closing = restarts.close().then(() => {
    closed = true;
  });
  await new Promise(setImmediate);
  expect(closed).toBe(false);
  answer();
  await closing;
  expect(heard.onVerdict).not.toHaveBeenCalled();
});

test("nothing is started after closing", async () => {
  const lab = node();
  const closed = await withDue(lab, listener());
  await closed.close();
  closed.ended(spec(3), ended(7), undefined);
  // This one was not closed, and would run after the other one.
  (await withDue(lab, listener())).ended(spec(3), { ...ended(7), id: "c2" }, undefined);
  await vi.waitFor(() => expect(lab.asked).toContain("c2"));
  expect(lab.asked).toEqual(["c2"]);
});
