/** Connects with ports of one container, by the kit's `forward` in it: a docker exec costs 60 ms and ten times the CPU, this 4 ms. */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { DockerPort } from "../docker/port.ts";
import { type Call, expectCall } from "../kit/call.ts";
import { forwardArgv, forwardLine } from "../kit/callers.ts";
import type { Enterable } from "../streams/enterable.ts";

/** How long a program in the container may take to call, or a port to accept. */
const PATIENCE_MS = 15_000;

/** It ends with its container. Another one can be started, if the container runs again. */
export class ForwarderEnded extends Error {
  override readonly name = "ForwarderEnded";
  override readonly message = "the kit's program in the container has ended";
}

export class Forwarder {
  readonly #control: Socket;
  readonly #selfDir: string;
  readonly #calls = new Set<Call>();

  private constructor(control: Socket, selfDir: string, ended: () => void) {
    this.#control = control;
    this.#selfDir = selfDir;
    control.on("error", () => {}).resume();
    control.on("close", () => {
      ended();
      for (const call of this.#calls) call.giveUp(new ForwarderEnded());
    });
  }

  /** `ended` is called when it has ended: with its container, or by `end`. @throws DockerError when the container does not run */
  static async start(
    docker: DockerPort,
    { containerId, selfDir }: Enterable,
    ended: () => void,
  ): Promise<Forwarder> {
    const call = await expectCall(selfDir);
    try {
      await docker.launch(containerId, forwardArgv(call.name));
      return new Forwarder(await answered(call), selfDir, ended);
    } catch (error) {
      call.giveUp(error as Error);
      throw error;
    }
  }

  /** A connection to that port; undefined if nothing accepts there. Its end and its close pass through in both directions. */
  async connect(address: string, port: number, signal: AbortSignal): Promise<Socket | undefined> {
    signal.throwIfAborted();
    if (this.#control.destroyed) throw new ForwarderEnded();
    const call = await expectCall(this.#selfDir);
    const leave = () => call.giveUp(signal.reason as Error);
    signal.addEventListener("abort", leave);
    this.#calls.add(call);
    let socket: Socket | undefined;
    try {
      this.#control.write(forwardLine(call.name, address, port));
      socket = await answered(call);
      socket.on("error", () => {});
      return await stands(socket, signal);
    } catch (error) {
      socket?.destroy();
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      this.#calls.delete(call);
    }
  }

  /** Connections go on. */
  end(): void {
    this.#control.destroy();
  }
}

async function answered(call: Call): Promise<Socket> {
  const timer = setTimeout(
    () => call.giveUp(new Error("the kit's program in the container does not answer")),
    PATIENCE_MS,
  );
  return await call.taken.finally(() => clearTimeout(timer));
}

/** The socket without its first byte, which says that the port accepts. Undefined, and closed, when it ends before. */
async function stands(socket: Socket, signal: AbortSignal): Promise<Socket | undefined> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  while (socket.readable && socket.readableLength === 0) await once(socket, "readable", { signal: patience });
  if (socket.read(1) !== null) return socket;
  socket.destroy();
  return undefined;
}
