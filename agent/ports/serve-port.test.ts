import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OpenPort } from "../../shared/streams/stream-messages.ts";
import { DockerError, type DockerPort } from "../docker/port.ts";
import { MemoryStream } from "../testing/memory-stream.ts";
import { Forwarders } from "./forwarders.ts";
import { servePort } from "./serve-port.ts";

let selfDir: string;
beforeEach(() => {
  selfDir = mkdtempSync(join(tmpdir(), "skein-self-"));
});
afterEach(() => rmSync(selfDir, { recursive: true }));

/** A container whose `forward` the test plays. */
class Container {
  /** Addresses at which something accepts. */
  accepting = ["127.0.0.1"];
  refusal: DockerError | undefined;
  hostNetwork = false;
  /** Forwarders that were started. */
  readonly forwarders: Socket[] = [];
  /** Addresses and ports that were tried. */
  readonly tried: string[] = [];
  /** The container's ends of connections. */
  readonly ends: Socket[] = [];
  readonly lent = new Forwarders(
    {
      launch: async (_: string, argv: string[]) => {
        if (this.refusal) throw this.refusal;
        this.#forward(connect(join(selfDir, argv[5]!.replace("/.skein/self/", ""))));
      },
    } as unknown as DockerPort,
    50,
  );

  #forward(control: Socket): void {
    this.forwarders.push(control.on("error", () => {}));
    createInterface(control)
      .on("line", (line) => {
        const [name = "", address = "", port] = line.split(" ");
        this.tried.push(`${address}:${port}`);
        const end = connect({ path: join(selfDir, name), allowHalfOpen: true }).on("error", () => {});
        if (!this.accepting.includes(address)) return end.end();
        this.ends.push(end);
        end.write("\n");
      })
      .on("error", () => {});
  }

  connect(): MemoryStream {
    const find = () => ({
      ...{ containerId: "c1", address: "10.64.0.2", selfDir, running: true, leaving: false },
      hostNetwork: this.hostNetwork,
    });
    const open: OpenPort = { type: "open", kind: "port", window: 1, host: "main1", port: 80 };
    return MemoryStream.open(servePort(this.lent, find), open);
  }
}

const isOpen = ({ said }: MemoryStream) => said.includes("opened");

test("a port is looked for at 127.0.0.1, then at the container's address; on the node's network there only", async () => {
  const container = new Container();
  container.accepting = ["10.64.0.2"];
  const stream = container.connect();
  await stream.until(isOpen);
  expect(container.tried.splice(0)).toEqual(["127.0.0.1:80", "10.64.0.2:80"]);
  container.hostNetwork = true;
  container.accepting = [];
  expect(await container.connect().ended).toEqual({
    code: "refused",
    reason: "nothing in main1 accepts connections at port 80",
  });
  expect(container.tried).toEqual(["10.64.0.2:80"]);
  stream.lose();
  await stream.ended;
});

test("bytes and ends of file go both ways", async () => {
  const container = new Container();
  const stream = container.connect().send("ab").sendEnd();
  await stream.until(isOpen);
  const [end] = container.ends;
  let got = "";
  end!.on("data", (bytes) => {
    got += bytes;
  });
  await expect.poll(() => end!.readableEnded).toBe(true);
  expect(got).toBe("ab");
  end!.end("cd");
  expect(await stream.ended).toEqual({ code: "done", reason: "" });
  expect([stream.stdout, stream.said]).toEqual(["cd", ["opened", "end"]]);
  expect(readdirSync(selfDir)).toEqual([]);
});

test("a process that is gone in both directions means a reset; one that sends no more does not", async () => {
  const container = new Container();
  const reset = container.connect();
  await reset.until(isOpen);
  container.ends[0]!.destroy();
  expect(await reset.ended).toMatchObject({ code: "failed", reason: /broken off/ });
  expect(reset.said).toEqual(["opened"]);

  const half = container.connect();
  await half.until(isOpen);
  container.ends[1]!.resume().end();
  await half.until(({ said }) => said.includes("end"));
  half.sendEnd();
  expect(await half.ended).toEqual({ code: "done", reason: "" });
});

test("a lost client closes its connection", async () => {
  const container = new Container();
  const stream = container.connect();
  await stream.until(isOpen);
  stream.lose();
  expect((await stream.ended).code).toBe("client_gone");
  await expect.poll(() => container.ends[0]!.resume().readableEnded).toBe(true);
});

test("connections share a forwarder, which stays while one of them is used, and ends shortly after", async () => {
  const container = new Container();
  const streams = Array.from({ length: 20 }, () => container.connect());
  await Promise.all(streams.map((stream) => stream.until(isOpen)));
  expect(container.forwarders).toHaveLength(1);
  for (const stream of streams) stream.lose();
  await expect.poll(() => container.forwarders[0]!.readableEnded).toBe(true);
  const next = container.connect();
  await next.until(isOpen);
  expect(container.forwarders).toHaveLength(2);
  next.lose();
  await next.ended;
});

test("a forwarder that ended with its container is replaced, if the container runs", async () => {
  const container = new Container();
  const first = container.connect();
  await first.until(isOpen);
  container.forwarders[0]!.destroy();
  const second = container.connect();
  await second.until(isOpen);
  container.refusal = new DockerError("container c1 is not running", 409);
  container.forwarders[1]!.destroy();
  expect(await container.connect().ended).toEqual({ code: "not_running", reason: "main1 is not running" });
  container.refusal = undefined;
  const third = container.connect();
  await third.until(isOpen);
  for (const stream of [first, second, third]) stream.lose();
});
