/**
 * The table of SSH: every shape of image, every behaviour of a client, in both directions. `npm test` tries some shapes, and what is quick.
 * `npm run ssh-table` tries every cell.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useKitLab } from "./support/kit-lab.ts";
import { exec, KitSession, kitsh, output } from "./support/kit-session.ts";
import { behaviours, PATH } from "./support/ssh-behaviours.ts";
import { shapes } from "./support/ssh-shapes.ts";

const isWhole = process.env["SKEIN_SSH_TABLE"] === "whole";
const here = useKitLab(isWhole ? ["shells"] : []);

const SOME = ["emptyuser", "noshell", "baked", "profile", "server22"];
const tried = shapes.filter(({ host }) => isWhole || SOME.includes(host));
const PEER = "peer";

let session: KitSession;
let cells = 0;

beforeAll(async () => {
  const all = [{ host: PEER, image: "skein/debian:12" }, ...tried];
  const env = [`LONG=${"x".repeat(102_400)}`];
  session = await KitSession.start(
    here,
    all.map((wanted) => ({ ...wanted, path: PATH, env: [...env, ...(wanted.env ?? [])] })),
  );
  expect(await session.prove(PEER)).toEqual([]);
  await session.openGates();
});
afterAll(() => session?.[Symbol.asyncDispose]());

/** What a behaviour says, from one container to another. */
async function cell(from: string, to: string, script: string): Promise<string> {
  const start = `to=${to}; n=${++cells}; dir=$(mktemp -d /dev/shm/cell.XXXXXX); cd $dir`;
  const { stdout, stderr } = await exec(session.of(from).container, kitsh(`${start}\n${script}`));
  return stdout === "ok\n" ? "ok" : `${stdout}${stderr}`;
}

describe.each(tried.map(({ host }) => host))("%s", (shape) => {
  it("is proven, and proves its peer", async () => {
    expect(await session.prove(shape)).toEqual([]);
  });

  const some = Object.entries(behaviours).filter(([, { cheap }]) => isWhole || cheap);
  it.each(some)("%s", async (_, { script }) => {
    const [as, at] = [await cell(shape, PEER, script), await cell(PEER, shape, script)];
    expect({ "as the client": as, "as the server": at }).toEqual({
      "as the client": "ok",
      "as the server": "ok",
    });
  });
});

it("says in its own way that an image's server finds port 22 in use, while one at another port serves", async () => {
  // The engine keeps stderr and stdout in the order in which it read them.
  const said = () => output(session.of("server22").container);
  await expect.poll(said).toMatch(/Bind to port 22 on 0\.0\.0\.0 failed: Address already in use\./);
  if (!isWhole) return;
  await expect
    .poll(() => output(session.of("server2222").container))
    .toContain("Server listening on 0.0.0.0 port 2222");
});
