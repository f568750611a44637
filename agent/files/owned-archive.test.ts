import { extract, type Header, pack } from "tar-stream";
import { expect, test } from "vitest";
import { BadArchive, ownedBy } from "./owned-archive.ts";

const owner = { uid: 1000, gid: 50 };

function archiveOf(parts: (Partial<Header> & { name: string; content?: string })[]): AsyncIterable<Buffer> {
  const tar = pack();
  for (const { content = "", ...header } of parts) tar.entry(header, content);
  tar.finalize();
  return tar as unknown as AsyncIterable<Buffer>;
}

async function read(source: AsyncIterable<Buffer>) {
  const tar = extract();
  const found: { header: Header; content: string }[] = [];
  ownedBy(source, owner).pipe(tar as unknown as NodeJS.WritableStream);
  for await (const entry of tar) {
    let content = "";
    for await (const piece of entry) content += String(piece);
    found.push({ header: entry.header, content });
  }
  return found;
}

test("everything belongs to the owner; content, modes, links and long names stay", async () => {
  const long = `d/${"é".repeat(120)}`;
  const found = await read(
    archiveOf([
      { name: "d/", type: "directory", mode: 0o750, uid: 1, gid: 2, uname: "root" },
      { name: long, mode: 0o751, uid: 7, content: "x".repeat(200_000), pax: { uid: "7", path: long } },
      { name: "d/l", type: "symlink", linkname: "../x" },
      { name: "d/h", type: "link", linkname: "d/l" },
    ]),
  );
  expect(found.map(({ header: { name, uid, gid, uname } }) => [name, uid, gid, uname])).toEqual(
    ["d/", long, "d/l", "d/h"].map((name) => [name, 1000, 50, ""]),
  );
  expect(found.map(({ header: { mode } }) => mode).slice(0, 2)).toEqual([0o750, 0o751]);
  expect(found[1]!.content.length).toBe(200_000);
  expect(found.slice(2).map(({ header }) => header.linkname)).toEqual(["../x", "d/l"]);
});

async function drain(source: AsyncIterable<Buffer>) {
  for await (const _ of ownedBy(source, owner));
}

test.each<[string, () => AsyncIterable<Buffer>]>([
  ["a device", () => archiveOf([{ name: "sda", type: "block-device", devmajor: 8, devminor: 0 }])],
  [
    "what is no archive",
    async function* () {
      yield Buffer.alloc(4096, "no tar ");
    },
  ],
  [
    "an archive that ends early",
    async function* () {
      for await (const piece of archiveOf([{ name: "f", content: "x".repeat(5000) }])) {
        yield piece.subarray(0, 700);
        if (piece.length > 700) return;
      }
    },
  ],
])("%s is refused", async (_, source) => {
  await expect(drain(source())).rejects.toThrow(BadArchive);
});

test("fails with its source's own error", async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(100);
    throw new Error("the client is gone");
  }
  await expect(drain(broken())).rejects.toThrow("the client is gone");
});
