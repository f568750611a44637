import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ExecStart, OpenExec } from "../../shared/streams/stream-messages.ts";
import { type AttachedState, type Command, DockerError, type DockerPort } from "../docker/port.ts";
import { MemoryStream } from "../testing/memory-stream.ts";
import { serveExec } from "./serve-exec.ts";

let selfDir: string;
beforeEach(() => {
  selfDir = mkdtempSync(join(tmpdir(), "skein-self-"));
});
afterEach(() => rmSync(selfDir, { recursive: true }));

/** An engine with one command, whose other end is the test. The kit's program in the container calls unless `calls` is false. */
class Engine {
  command: Command | undefined;
  state: AttachedState | undefined = { started: true, running: true, exitCode: 0 };
  calls = true;
  refusal: DockerError | undefined;
  /** What the keeper heard, with EOF for the end. */
  heard = "";
  input = "";
  keeper: Socket | undefined;
  readonly sizes: string[] = [];
  readonly socket = new Duplex({
    read() {},
    write: (chunk, _, done) => {
      this.input += chunk;
      done();
    },
    final: (done) => {
      this.input += "EOF";
      done();
    },
  });

  readonly docker = {
    attach: async (_: string, command: Command) => {
      if (this.refusal) throw this.refusal;
      this.command = command;
      if (this.calls) this.call(command.argv[1]!);
      return {
        socket: this.socket,
        resize: async (cols: number, rows: number) => void this.sizes.push(`${cols}x${rows}`),
        inspect: async () => this.state,
      };
    },
  } as unknown as DockerPort;

  call(name: string): void {
    this.keeper = connect(join(selfDir, name))
      .on("data", (bytes) => {
        this.heard += bytes;
        if (this.heard.endsWith("done\n")) this.keeper!.write("\n");
      })
      .on("end", () => {
        this.heard += "EOF";
      })
      .on("error", () => {});
  }

  exec(start: Partial<ExecStart> = {}, running = true): MemoryStream {
    const find = (host: string) =>
      host === "main1"
        ? { containerId: "c1", address: "10.64.0.2", hostNetwork: false, selfDir, running, leaving: false }
        : undefined;
    const open: OpenExec = {
      ...{ type: "open", kind: "exec", window: 1, host: "main1" },
      start: { type: "start", command: ["id"], tty: null, ...start },
    };
    return MemoryStream.open(serveExec(this.docker, find), open);
  }

  /** The command ends. */
  end(exitCode: number): void {
    this.state = { started: true, running: false, exitCode };
    this.socket.push(null);
  }
}

function frame(stream: 1 | 2, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

const isOpen = ({ said }: MemoryStream) => said.includes("opened");

test("a command runs with its streams, and its keeper is dismissed", async () => {
  const engine = new Engine();
  const stream = engine.exec().send("in").sendEnd();
  await stream.until(isOpen);
  engine.socket.push(frame(1, "out"));
  engine.socket.push(frame(2, "err"));
  await stream.until(({ stderr }) => stderr === "err");
  engine.end(3);
  expect(await stream.ended).toEqual({ code: "done", reason: "" });
  expect([stream.stdout, stream.said, engine.input]).toEqual(["out", ["opened", "end", "exit 3"], "inEOF"]);
  await expect.poll(() => engine.heard).toBe("done\nEOF");
  expect(readdirSync(selfDir)).toEqual([]);
});

test("the exit code is awaited: the output may end long before the command", async () => {
  const engine = new Engine();
  const stream = engine.exec();
  await stream.until(isOpen);
  engine.socket.push(null);
  await stream.until(({ said }) => said.includes("end"));
  expect(engine.heard).toBe("");
  engine.state = { started: true, running: false, exitCode: 5 };
  await stream.ended;
  expect(stream.said.at(-1)).toBe("exit 5");
});

test("a terminal has raw output, a size, a TERM, and no end of its input", async () => {
  const engine = new Engine();
  const stream = engine.exec({ tty: { cols: 91, rows: 17 }, env: { A: "b" }, user: "dev", workdir: "/x" });
  await stream.until(isOpen);
  expect(engine.command).toMatchObject({
    tty: true,
    user: "dev",
    workdir: "/x",
    env: ["TERM=xterm-256color", "A=b"],
  });
  expect(engine.command!.argv.slice(2)).toEqual(["91", "17", "id"]);
  stream.send("x").sendEnd().control({ type: "resize", cols: 100, rows: 30 });
  engine.socket.push("raw");
  await stream.untilOutput("raw");
  engine.end(0);
  await stream.ended;
  expect([engine.input, engine.sizes]).toEqual(["x", ["100x30"]]);
});

test("signals go to the keeper; without a terminal there is no size to change", async () => {
  const engine = new Engine();
  const stream = engine.exec();
  await stream.until(isOpen);
  stream.control({ type: "signal", name: "INT" }).control({ type: "resize", cols: 1, rows: 1 });
  await expect.poll(() => engine.heard).toBe("INT\n");
  engine.end(130);
  await stream.ended;
  expect(engine.sizes).toEqual([]);
});

test("when the client is lost the keeper is left without a word, at any moment", async () => {
  const early = new Engine();
  const starting = early.exec();
  starting.lose();
  expect((await starting.ended).code).toBe("client_gone");
  await expect.poll(() => early.keeper!.destroyed).toBe(true);

  const engine = new Engine();
  const stream = engine.exec();
  await stream.until(isOpen);
  stream.lose();
  expect((await stream.ended).code).toBe("client_gone");
  await expect.poll(() => engine.heard).toBe("EOF");
  expect(engine.socket.destroyed).toBe(true);
  expect(readdirSync(selfDir)).toEqual([]);
});

test("an engine that breaks off fails the stream, and leaves the keeper to end the command", async () => {
  const engine = new Engine();
  const stream = engine.exec();
  await stream.until(isOpen);
  engine.socket.destroy(new Error("read ECONNRESET"));
  expect(await stream.ended).toEqual({ code: "failed", reason: "read ECONNRESET" });
  await expect.poll(() => engine.heard).toBe("EOF");
});

test("what the engine cannot start has its reason", async () => {
  const engine = new Engine();
  engine.calls = false;
  engine.state = { started: false, running: false, exitCode: 126 };
  engine.socket.push(frame(1, "unable to find user x\r\n"));
  engine.socket.push(null);
  expect(await engine.exec().ended).toEqual({ code: "cannot_run", reason: "unable to find user x" });
  expect(readdirSync(selfDir)).toEqual([]);
});

test("a container that does not run, or ends with its command, is not running", async () => {
  const missing = { code: "not_running", reason: "main1 is not running" };
  expect(await new Engine().exec({}, false).ended).toEqual(missing);
  const refusing = new Engine();
  refusing.refusal = new DockerError("container c1 is not running", 409);
  expect(await refusing.exec().ended).toEqual(missing);
  const leaving = new Engine();
  const own = selfDir;
  selfDir = join(own, "gone");
  expect(await leaving.exec().ended).toEqual(missing);
  selfDir = own;
  const ending = new Engine();
  const stream = ending.exec();
  await stream.until(isOpen);
  ending.keeper!.destroy();
  ending.socket.push(null);
  await stream.until(({ said }) => said.includes("end"));
  ending.end(137);
  expect(await stream.ended).toEqual(missing);
  const unknown = new Engine();
  const other = unknown.exec();
  await other.until(isOpen);
  unknown.state = undefined;
  unknown.socket.push(null);
  expect(await other.ended).toEqual(missing);
});
