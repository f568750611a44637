/**
 * An image registry that is slow, to see pulls under way: `node test/lab/registry.ts PORT` serves the image `slow:1` at 127.0.0.1, which engines
 * take without TLS. (The OCI Distribution Specification, as much of it as a pull needs.)
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Tar } from "./tar.ts";

const LAYER_BYTES = 4 * 1024 * 1024;
/** A layer comes in so many pieces, with a pause before each. */
const PIECES = 20;
const PAUSE_MS = 150;

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

interface Blob {
  type: string;
  bytes: Buffer;
}

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** By digest, and the manifest by its tag. */
async function slowImage(): Promise<Map<string, Blob>> {
  const directory = mkdtempSync(join(tmpdir(), "skein-registry-"));
  const path = join(directory, "layer.tar");
  await Tar.write(path, async (tar) => tar.file("random", randomBytes(LAYER_BYTES)));
  const layer = { type: "application/vnd.docker.image.rootfs.diff.tar", bytes: readFileSync(path) };
  rmSync(directory, { recursive: true });
  const image = {
    architecture: arch() === "x64" ? "amd64" : arch(),
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [digestOf(layer.bytes)] },
  };
  const config = {
    type: "application/vnd.docker.container.image.v1+json",
    bytes: Buffer.from(JSON.stringify(image)),
  };
  const [about, ...layers] = [config, layer].map(({ type, bytes }) => ({
    mediaType: type,
    size: bytes.length,
    digest: digestOf(bytes),
  }));
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: about, layers };
  const blob = { type: MANIFEST, bytes: Buffer.from(JSON.stringify(manifest)) };
  const all = [config, layer, blob].map((each) => [digestOf(each.bytes), each] as const);
  return new Map([...all, ["1", blob]]);
}

async function send(response: ServerResponse, { type, bytes }: Blob, head: boolean): Promise<void> {
  response.writeHead(200, {
    "content-type": type,
    "content-length": bytes.length,
    "docker-content-digest": digestOf(bytes),
  });
  const size = Math.ceil(bytes.length / PIECES);
  for (let at = 0; !head && at < bytes.length; at += size) {
    if (bytes.length >= LAYER_BYTES) await pause(PAUSE_MS);
    response.write(bytes.subarray(at, at + size));
  }
  response.end();
}

const blobs = await slowImage();
const server = createServer((request, response) => {
  const [, name] = /^\/v2\/slow\/(?:manifests|blobs)\/([\w:]+)$/.exec(request.url ?? "") ?? [];
  const blob = name === undefined ? undefined : blobs.get(name);
  if (blob) void send(response, blob, request.method === "HEAD");
  else response.writeHead(request.url === "/v2/" ? 200 : 404).end();
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("registry ready"));
