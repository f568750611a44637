import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Assignment, ContainerSpec } from "../../shared/protocol/protocol.ts";
import { type Container, DockerError } from "../docker/port.ts";
import { saveRestart } from "./container-record.ts";
import { type NodeContext, sessionDir } from "./context.ts";
import { type Hearing, Restarts } from "./restarts.ts";

const assignment = { session: "ses_1", epoch: 1 } as Assignment;

/** An engine that does what `start` says, and writes down which containers it was asked to start. */
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
    limit: <T>(job: () => Promise<T>) => job(),
    log: { info() {}, warn() {} },
  } as unknown as NodeContext;
  return { context, asked };
}

function hearing() {
  return { onVerdict: vi.fn<Hearing["onVerdict"]>(), onGone: vi.fn<Hearing["onGone"]>() };
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

/** As if a restart had been due for long: nobody has to wait. */
const due = { number: 1, inARow: 1, endedAt: 7, why: "it ended with exit code 3", dueAt: 0 };

async function withDue({ context }: ReturnType<typeof node>, heard: Hearing, most = 3): Promise<Restarts> {
  await saveRestart(sessionDir(context, assignment.session), "sub1", due);
  const restarts = new Restarts(context, assignment, heard);
  await restarts.load([spec(most)]);
  return restarts;
}

test("the same end told twice is one restart, the next end another", async () => {
  const { context, asked } = node();
  const restarts = new Restarts(context, assignment, hearing());
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

test("what its role does not allow, and what ended with 0, has ended for good", () => {
  const restarts = new Restarts(node().context, assignment, hearing());
  expect(restarts.ended(spec(), ended(7, 137), "ended by SIGKILL")).toEqual({
    status: "exited",
    reason: "ended by SIGKILL",
  });
  expect(restarts.ended(spec(5), ended(7, 0), undefined)).toEqual({ status: "exited" });
});

test("a restart that was waited for before the agent's own is not counted again, and comes about", async () => {
  const lab = node();
  const heard = hearing();
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

test("an engine that does not answer is asked again, and no restart is used up by it", async () => {
  let failures = 2;
  const lab = node(async () => {
    if (failures-- > 0) throw new DockerError("connect ECONNREFUSED");
  });
  const heard = hearing();
  (await withDue(lab, heard)).ended(spec(3), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onVerdict).toHaveBeenCalled(), 10_000);
  expect(heard.onVerdict.mock.calls[0]![1].reason).toMatch(/^restart 1 of 3;/);
  expect(lab.asked).toHaveLength(3);
});

test("an engine that will not start it uses one up, and the last of them ends it with the engine's words", async () => {
  const refuse = async () => {
    throw new DockerError("driver failed", 500);
  };
  const heard = hearing();
  const restarts = await withDue(node(refuse), heard, 2);
  restarts.ended(spec(2), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onVerdict).toHaveBeenCalledTimes(1));
  expect(heard.onVerdict.mock.calls[0]![1]).toEqual({
    status: "running",
    reason: "restart 2 of 2 in 2 s; it could not be started: driver failed",
  });
  await restarts.close();

  const last = hearing();
  (await withDue(node(refuse), last, 1)).ended(spec(1), ended(7), undefined);
  await vi.waitFor(() => expect(last.onVerdict).toHaveBeenCalled());
  expect(last.onVerdict.mock.calls[0]![1]).toEqual({
    status: "exited",
    reason: "it could not be started: driver failed; its restart is used up",
  });
});

test("one that somebody removed is gone, and is not started", async () => {
  const heard = hearing();
  const lab = node(async () => {
    throw new DockerError("No such container: c1", 404);
  });
  (await withDue(lab, heard)).ended(spec(3), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onGone).toHaveBeenCalledWith("sub1", "c1"));
  expect(heard.onVerdict).not.toHaveBeenCalled();
});

test("one whose network is missing is still there: the engine will not start it", async () => {
  const heard = hearing();
  const lab = node(async () => {
    throw new DockerError("network skein-1 not found", 404);
  });
  (await withDue(lab, heard, 1)).ended(spec(1), ended(7), undefined);
  await vi.waitFor(() => expect(heard.onVerdict).toHaveBeenCalled());
  expect(heard.onVerdict.mock.calls[0]![1].status).toBe("exited");
  expect(heard.onGone).not.toHaveBeenCalled();
});

test("closing waits for a start under way, and says nothing of it", async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const lab = node(() => answered);
  const heard = hearing();
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

test("nothing is started once it is closed", async () => {
  const lab = node();
  const closed = await withDue(lab, hearing());
  await closed.close();
  closed.ended(spec(3), ended(7), undefined);
  // One that is open, and asked later, has its turn later.
  (await withDue(lab, hearing())).ended(spec(3), { ...ended(7), id: "c2" }, undefined);
  await vi.waitFor(() => expect(lab.asked).toContain("c2"));
  expect(lab.asked).toEqual(["c2"]);
});
