/** Private images of a real registry with users: another project cannot run them from a node's cache. */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSkein, type Session, type SessionRequest, type Skein } from "../../sdk/index.ts";
import type { Role } from "../../shared/access/access.ts";
import { DockerRegistry } from "../lab/docker-registry.ts";
import { imageSets, rootfsFile } from "../lab/images.ts";
import { cluster } from "./skein.ts";

/** `test/secrets/scan.ts` looks for such words after the run. */
const RIGHT = { username: "robot", password: "planted-secret-registry-password" };
const WRONG = { ...RIGHT, password: "planted-secret-wrong-password" };

let registry: DockerRegistry;
let image: string;

/** A client with a new token. */
async function client(project: string, role: Role): Promise<Skein & { token: string }> {
  const { api, skein: admin } = await cluster();
  const { token } = await admin.createToken({ body: { project, role } });
  return { ...createSkein({ api: api.url, token }), token };
}

/** A session once it is settled. */
async function settled(of: Skein, body: SessionRequest): Promise<Session> {
  const { id } = await of.createSession({ body });
  for (;;) {
    const session = await of.getSession({ path: { id }, query: { wait: 60 } });
    if (["running", "failed", "terminated"].includes(session.status)) return session;
  }
}

async function over(of: Skein, { id }: Session): Promise<void> {
  await of.endSession({ path: { id } });
  await of.waitUntil(id, "ended");
}

beforeAll(async () => {
  const { lab } = await cluster();
  const [node1] = lab.hosts;
  registry = new DockerRegistry(lab.api);
  await registry.install([RIGHT]);
  await registry.start();
  // An image of its own: others of the lab have the ids of standard ones.
  const made = await node1!.docker.importImage(rootfsFile("standard", imageSets.standard[2]!), {
    repo: "made",
    tag: "1",
    changes: 'ENV PRIVATE=yes\nCMD ["sh"]',
  });
  await once(made.resume(), "end");
  image = await registry.push(node1!.docker, "made:1", "team/app:1", RIGHT);
  await node1!.docker.getImage("made:1").remove();
});

afterAll(async () => {
  await registry.stop();
});

describe("a private image", () => {
  let red: Skein;
  let blue: Skein;
  let blueAdmin: Skein;
  /** One container on each of the three nodes. */
  const everywhere = (): SessionRequest => ({ image, clusterMode: "multi-node", clusterSize: 3 });

  beforeAll(async () => {
    red = await client("red", "admin");
    blue = await client("blue", "user");
    blueAdmin = await client("blue", "admin");
  });

  test("cannot be run without credentials, and the reason says what to do", async () => {
    const { status, reason } = await settled(red, everywhere());
    expect(status).toBe("failed");
    expect(reason).toMatch(/cannot be pulled: .*(no basic auth credentials|unauthorized)/);
  });

  test("is run with the project's credentials, on every node", async () => {
    const stored = await red.setRegistry({ path: { host: registry.host }, body: RIGHT });
    expect(stored).toEqual({ host: registry.host, username: "robot", updatedAt: expect.any(String) });
    const session = await settled(red, everywhere());
    expect(session.status, session.reason ?? "").toBe("running");
    expect(new Set(session.containers.map(({ node }) => node)).size).toBe(3);
    await over(red, session);
    const { lab } = await cluster();
    for (const { docker } of lab.hosts)
      expect((await docker.getImage(image).inspect()).RepoTags).toEqual([image]);
  });

  test("is not run by a project without credentials, though every node has it", async () => {
    const { status, reason } = await settled(blue, everywhere());
    expect(status).toBe("failed");
    expect(reason).toMatch(
      /is private, and cannot be pulled without credentials; the project has none for \S+ \(skein registry login \S+\): .*(no basic auth credentials|unauthorized)/,
    );
  });

  test("nor with wrong ones, by its id, by its digest, or after a restart of the agents", async () => {
    const { lab, agents } = await cluster();
    await blueAdmin.setRegistry({ path: { host: registry.host }, body: WRONG });
    const wrong = await settled(blue, everywhere());
    expect([wrong.status, wrong.reason]).toEqual([
      "failed",
      expect.stringMatching(/with the project's credentials for \S+: .*unauthorized/),
    ]);
    await blueAdmin.removeRegistry({ path: { host: registry.host } });

    await Promise.all(agents.map((agent) => agent.restart()));
    const { Id, RepoDigests } = await lab.hosts[0]!.docker.getImage(image).inspect();
    for (const name of [image, Id, Id.slice("sha256:".length), RepoDigests[0]!]) {
      const { status, reason } = await settled(blue, { ...everywhere(), image: name });
      expect([name, status, reason]).toEqual([name, "failed", expect.stringContaining("is private")]);
    }
  });

  test("is run by the project with credentials after all that, and by no one once they are removed", async () => {
    const again = await settled(red, everywhere());
    expect(again.status, again.reason ?? "").toBe("running");
    await over(red, again);
    await red.removeRegistry({ path: { host: registry.host } });
    for (const project of [red, blue]) {
      const { status, reason } = await settled(project, everywhere());
      expect([status, reason]).toEqual(["failed", expect.stringContaining("is private")]);
    }
  });

  test("is refused while the registry does not answer, and other images run", async () => {
    await red.setRegistry({ path: { host: registry.host }, body: RIGHT });
    await registry.stop();
    const { status, reason } = await settled(red, { image });
    expect([status, reason]).toEqual(["failed", expect.stringContaining("connection refused")]);
    for (const project of [red, blue]) {
      const local = await settled(project, { image: "skein/busybox:1" });
      expect(local.status, local.reason ?? "").toBe("running");
      await over(project, local);
    }
    await registry.start();
  });

  test("has credentials that only the project's admins set and see, without the password", async () => {
    const { items } = await red.listRegistries();
    expect(items).toEqual([{ host: registry.host, username: "robot", updatedAt: expect.any(String) }]);
    expect((await blueAdmin.listRegistries()).items).toEqual([]);
    await expect(blueAdmin.getRegistry({ path: { host: registry.host } })).rejects.toMatchObject({
      problem: { code: "not_found" },
    });
    await expect(blue.listRegistries()).rejects.toMatchObject({ problem: { code: "forbidden" } });
  });
});
