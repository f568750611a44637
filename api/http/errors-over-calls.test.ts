/** Errors thrown in an object reach the edge with their code and all their fields. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { SkeinError, skeinErrorOf } from "../../shared/errors/errors.ts";
import { specOf } from "../../shared/testing/fixtures.ts";
import { Fleet, Session } from "../index.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, problem } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

/** What the caller of an object sees of an error thrown in it. */
async function caught(asked: Promise<unknown>): Promise<unknown> {
  return asked.then(
    () => expect.fail("nothing was thrown"),
    (error: unknown) => error,
  );
}

test("every field of a problem crosses a call", async () => {
  const thrown = new SkeinError("unschedulable", "no room: add nodes — or wait", {
    errors: [{ field: "roles[0].replicas", message: "is too much" }],
    nodes: [{ node: "gpu-a", reason: "cordoned" }],
    retryAfter: 7,
  });
  vi.spyOn(Fleet.prototype, "dryRun").mockImplementation(() => {
    throw thrown;
  });
  const error = await caught(fleetOf(env).dryRun(specOf({})));
  // The class does not cross a call, so code must not check for it.
  expect(error).not.toBeInstanceOf(SkeinError);
  expect(skeinErrorOf(error)?.toProblem()).toEqual(thrown.toProblem());

  const answer = await call("POST", "/v1/plans", { image: "a" });
  expect(answer.status).toBe(409);
  expect(answer.headers.get("retry-after")).toBe("7");
  expect(answer.body).toEqual(thrown.toProblem());
});

describe("errors that objects throw in practice", () => {
  test("nodes, with each one's reason", async () => {
    const { agent } = await readyNode(nodeFacts(1));
    const error = skeinErrorOf(await caught(fleetOf(env).dryRun(specOf({ resources: { cpu: 2 } }))));
    expect(error?.code).toBe("unschedulable");
    expect(error?.extra.nodes).toEqual([{ node: agent.name, reason: expect.stringMatching(/core/) }]);
  });

  test("fields at fault", async () => {
    const error = skeinErrorOf(await caught(fleetOf(env).dryRun(specOf({ privileged: true }))));
    expect(error?.toProblem()).toMatchObject({
      code: "not_allowed",
      status: 403,
      errors: [{ field: "privileged", message: expect.any(String) }],
    });
  });

  test("how long to wait", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    vi.spyOn(Session.prototype, "receive").mockRejectedValue(new Error("lost on the way") as never);
    const answer = await call("POST", "/v1/sessions", { image: "a" });
    expect(problem(answer)).toEqual([503, "unavailable", []]);
    expect(answer.body).toMatchObject({ retryAfter: 5 });
    expect(answer.headers.get("retry-after")).toBe("5");
  });

  test("code and detail, with names in any script", async () => {
    const error = skeinErrorOf(await caught(fleetOf(env).getNode("nœud-ß-節点")));
    expect([error?.code, error?.message]).toEqual(["not_found", "no node nœud-ß-節点"]);
  });
});

test("an unexpected error in an object is logged, and the answer shows none of its details", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const { id } = await create();
  vi.spyOn(Session.prototype, "get").mockImplementation(() => {
    throw new TypeError("secret insides");
  });
  const error = await caught(sessionOf(env, id).get("default", 0));
  expect(skeinErrorOf(error)).toBeUndefined();
  const answer = await call("GET", `/v1/sessions/${id}`);
  expect(problem(answer)).toEqual([500, "internal", []]);
  expect(JSON.stringify(answer.body)).not.toContain("secret insides");
  expect(logged).toHaveBeenCalled();
});

test.each([
  ["an unknown code", { name: "SkeinError", code: "constructor" }],
  ["another class with a code", { name: "TypeError", code: "not_found" }],
  ["no code", { name: "SkeinError" }],
])("%s is no SkeinError", (_, fields) => {
  expect(skeinErrorOf(Object.assign(new Error("x"), fields))).toBeUndefined();
});
