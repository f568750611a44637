import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ed25519Line } from "../../shared/ssh/public-key.ts";
import { AssignmentStore } from "./assignment-store.ts";
import { authorize, NotAuthorized } from "./authorize.ts";
import type { Prepared } from "./container-record.ts";
import { type NodeContext, StepFailure, sessionDir } from "./context.ts";
import { Observed } from "./observed.ts";
import { sentOf } from "./sent-fixtures.ts";

const owner = { fleet: "flt_1", node: "node_1" };
const sent = { ...sentOf(1), sshKeys: [ed25519Line(`${"a".repeat(42)}A`)] };
const HOSTS = ["main1", "sub1"];

let context: NodeContext;
let observed: Observed;
const self = (host: string) => join(sessionDir(context, "ses_1"), host, "self");

beforeEach(async () => {
  const sessionsDir = mkdtempSync(join(tmpdir(), "skein-authorize-"));
  const assignments = await AssignmentStore.open(sessionsDir, owner);
  context = { owner, sessionsDir, assignments } as NodeContext;
  observed = new Observed("ses_1", 1);
  for (const host of HOSTS) {
    mkdirSync(self(host), { recursive: true });
    observed.prepared.set(host, {} as Prepared);
  }
  await assignments.save(sent);
});
afterEach(() => rmSync(context.sessionsDir, { recursive: true }));

const act = () => authorize({ context, assignment: sent.assignment, observed }, sent);

test("writes the keys for each container, stores them, and reports them", async () => {
  await act();
  for (const host of HOSTS)
    expect(readFileSync(join(self(host), "authorized_keys"), "utf8")).toBe(`${sent.sshKeys[0]}\n`);
  expect(context.assignments.held[0]!.sshKeys).toBe(1);
  expect(observed.report().sshKeys).toBe(1);
});

test("what cannot be written fails a session that is on its way up, and is tried again for one that runs", async () => {
  rmSync(self("sub1"), { recursive: true });
  writeFileSync(self("sub1"), "in the way");
  await expect(act()).rejects.toThrow(StepFailure);
  observed.gatesOpen = true;
  await expect(act()).rejects.toThrow(NotAuthorized);
  expect(observed.report().sshKeys).toBeUndefined();
  rmSync(self("sub1"));
  mkdirSync(self("sub1"));
  await act();
  expect(observed.report().sshKeys).toBe(1);
});
