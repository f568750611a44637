import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Images } from "./images.ts";
import type { DockerPort, Image, Login } from "./port.ts";
import { PrivateImages } from "./private-images.ts";

const image: Image = { id: "sha256:1", names: [], entrypoint: [], env: [], user: "" };

interface AskedPull {
  reference: string;
  login: Login | undefined;
  finish(): void;
  fail(error: Error): void;
  progress(text: string): void;
  signal: AbortSignal;
}

/** An engine whose pulls end when the test says so. An image is there by its name after a pull, and by its id. */
function engine(...names: string[]) {
  const pulls: AskedPull[] = [];
  const asks: Pick<AskedPull, "reference" | "login">[] = [];
  const here = new Set(names);
  const docker = {
    image: async (reference: string) =>
      here.has(reference) || (reference === image.id && here.size > 0)
        ? { ...image, names: [...here] }
        : undefined,
    askRegistry: async (reference, login) => {
      asks.push({ reference, login });
      if (!login) throw new Error("no basic auth credentials");
    },
    pull: (reference, login, progress, signal) =>
      new Promise<void>((resolve, fail) => {
        signal.addEventListener("abort", () => fail(signal.reason));
        const finish = () => {
          here.add(reference);
          resolve();
        };
        pulls.push({ reference, login, finish, fail, progress, signal });
      }),
  } as Partial<DockerPort> as DockerPort;
  return { docker, pulls, asks, here };
}

function stateDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "skein-images-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

const openPrivates = (dir: string, docker: DockerPort) =>
  PrivateImages.open(dir, async (id) => (await docker.image(id)) !== undefined);

async function imagesOf({ docker }: { docker: DockerPort }, dir = stateDir()) {
  return new Images(docker, await openPrivates(dir, docker));
}

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const asked = async ({ pulls }: { pulls: AskedPull[] }, count: number) => {
  await expect.poll(() => pulls).toHaveLength(count);
  return pulls[count - 1]!;
};

describe("an image that is not here", () => {
  const wanted = { reference: "a", registries: [] };

  test("is pulled once for two containers, which share the progress", async () => {
    const node = engine();
    const images = await imagesOf(node);
    const heard: string[] = [];
    const both = [1, 2].map((who) => images.provide(wanted, (text) => heard.push(`${who} ${text}`), never));
    const pull = await asked(node, 1);
    pull.progress("pulling: 50%");
    pull.finish();
    expect((await Promise.all(both)).map(({ id }) => id)).toEqual([image.id, image.id]);
    expect(heard).toEqual(["1 pulling", "2 pulling", "1 pulling: 50%", "2 pulling: 50%"]);
  });

  test("is not pulled on when the last waiter has left; the next request starts a new pull", async () => {
    const node = engine();
    const images = await imagesOf(node);
    const [one, two] = [new AbortController(), new AbortController()];
    const waits = [one, two].map(({ signal }) => images.provide(wanted, () => {}, signal));
    const first = await asked(node, 1);
    one.abort(new Error("gone"));
    await expect(waits[0]).rejects.toThrow("gone");
    expect(first.signal.aborted).toBe(false);
    two.abort(new Error("gone, too"));
    await expect(waits[1]).rejects.toThrow("gone, too");
    expect(first.signal.aborted).toBe(true);

    const again = images.provide(wanted, () => {}, never);
    (await asked(node, 2)).finish();
    expect((await again).id).toBe(image.id);
  });

  test("and cannot be pulled: the engine's message is in the error", async () => {
    const node = engine();
    const wait = (await imagesOf(node)).provide(
      { reference: "nowhere/a:1", registries: [] },
      () => {},
      never,
    );
    (await asked(node, 1)).fail(new Error("pull access denied"));
    await expect(wait).rejects.toThrow(
      "image nowhere/a:1 is not on this node and cannot be pulled: pull access denied",
    );
  });
});

describe("a private image", () => {
  const host = "r.example:5000";
  const reference = `${host}/team/app:1`;
  const login = { username: "robot", password: "right" };
  const own = { reference, registries: [{ host, login }] };
  /** As the API says it to another project, and to one when no project has credentials any longer. */
  const others = { reference, registries: [{ host }] };
  const unknown = { reference, registries: [] };

  /** Pulled with credentials once. */
  async function pulled(dir = stateDir()) {
    const node = engine();
    const images = await imagesOf(node, dir);
    const first = images.provide(own, () => {}, never);
    (await asked(node, 1)).finish();
    await first;
    return { ...node, images, dir };
  }

  test("is pulled with the project's credentials, each time", async () => {
    const node = await pulled();
    const again = node.images.provide(own, () => {}, never);
    const pull = await asked(node, 2);
    expect(node.pulls.map((each) => each.login)).toEqual([login, login]);
    pull.finish();
    expect((await again).id).toBe(image.id);
  });

  test.each([
    ["another project", others],
    ["a project after all credentials were removed", unknown],
    ["by its id", { reference: image.id, registries: [] }],
  ])("is asked for without credentials by %s", async (_, wanted) => {
    const node = await pulled();
    const wait = node.images.provide(wanted, () => {}, never);
    const pull = await asked(node, 2);
    expect(pull.login).toBeUndefined();
    pull.fail(new Error("no basic auth credentials"));
    await expect(wait).rejects.toThrow(
      /is private, and cannot be pulled without credentials; the project has none for \S+ \(skein registry login \S+\): no basic auth credentials$/,
    );
  });

  test("is refused with the reason where the credentials are wrong", async () => {
    const node = await pulled();
    const wrong = { reference, registries: [{ host, login: { ...login, password: "wr0ng" } }] };
    const wait = node.images.provide(wrong, () => {}, never);
    (await asked(node, 2)).fail(new Error("unauthorized"));
    const error = await wait.catch((reason: Error) => reason.message);
    expect(error).toBe(
      `image ${reference} cannot be pulled with the project's credentials for ${host}: unauthorized`,
    );
  });

  test("is asked for at the registry by its digest, too: an engine would not ask for what it has", async () => {
    const node = await pulled();
    const byDigest = `${reference}@sha256:0f`;
    const wait = node.images.provide({ ...others, reference: byDigest }, () => {}, never);
    await expect(wait).rejects.toThrow("no basic auth credentials");
    const allowed = node.images.provide({ ...own, reference: byDigest }, () => {}, never);
    (await asked(node, 2)).finish();
    await allowed;
    expect(node.asks.map((each) => each.login)).toEqual([undefined, login]);
  });

  test("is not shared with another project whose request comes during the pull", async () => {
    const node = engine();
    const images = await imagesOf(node);
    const waits = [own, others].map((wanted) => images.provide(wanted, () => {}, never));
    await asked(node, 2);
    const [authorised, anonymous] = [login, undefined].map(
      (of) => node.pulls.find((each) => each.login === of)!,
    );
    authorised!.finish();
    expect((await waits[0]!).id).toBe(image.id);
    anonymous!.fail(new Error("denied"));
    await expect(waits[1]).rejects.toThrow("denied");
  });

  test("is private from the moment that the engine has it, though the pull is not over", async () => {
    const node = engine();
    const images = await imagesOf(node);
    const first = images.provide(own, () => {}, never);
    const pull = await asked(node, 1);
    node.here.add(reference);
    const second = images.provide(unknown, () => {}, never);
    (await asked(node, 2)).fail(new Error("denied"));
    await expect(second).rejects.toThrow("denied");
    pull.finish();
    await first;
  });

  test("stays private after a restart of the agent, also once it has lost its name", async () => {
    const node = await pulled();
    node.here.clear();
    node.here.add("another:1");
    const images = await imagesOf(node, node.dir);
    const wait = images.provide({ reference: "another:1", registries: [] }, () => {}, never);
    (await asked(node, 2)).fail(new Error("denied"));
    await expect(wait).rejects.toThrow("is private");
  });

  test("leaves no password on the disk, and a file for the agent only", async () => {
    const { dir } = await pulled();
    const path = join(dir, "private-images.json");
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      repositories: [`${host}/team/app`],
      images: [image.id],
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("is forgotten at a start of the agent once the engine has it no longer; its repository stays", async () => {
    const { dir, docker, here } = await pulled();
    here.clear();
    const privates = await openPrivates(dir, docker);
    expect(privates.has(image)).toBe(false);
    expect(privates.has({ id: "sha256:2", names: [`${host}/team/app@sha256:0f`] })).toBe(true);
  });

  test("is never taken for a public one because the file is broken: the agent does not start", async () => {
    const { dir, docker } = await pulled();
    writeFileSync(join(dir, "private-images.json"), "{");
    await expect(openPrivates(dir, docker)).rejects.toThrow(
      /private-images\.json cannot be read: .*Remove it/,
    );
  });
});

describe("an image that is here", () => {
  const hub = { host: "docker.io", login: { username: "me", password: "x" } };

  test.each([
    ["and whose name names no registry", { reference: "local:1", registries: [] }],
    ["and local, for a project with credentials for Docker Hub", { reference: "local:1", registries: [hub] }],
    ["of a registry for which nobody has credentials", { reference: "r.example/a", registries: [] }],
  ])("%s is used as it is", async (_, wanted) => {
    const node = engine(wanted.reference);
    const images = await imagesOf(node);
    expect((await images.provide(wanted, () => {}, never)).id).toBe(image.id);
    await turn();
    expect(node.pulls).toEqual([]);
  });

  test("of a registry for which a project has credentials is checked, however it came", async () => {
    const node = engine("r.example/a");
    const images = await imagesOf(node);
    const wait = images.provide(
      { reference: "r.example/a", registries: [{ host: "r.example" }] },
      () => {},
      never,
    );
    const pull = await asked(node, 1);
    expect(pull.login).toBeUndefined();
    pull.finish();
    expect((await wait).id).toBe(image.id);
  });
});
