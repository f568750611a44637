/** The forwarders of this node: one for each container, while somebody uses it, and shortly after. */
import type { DockerPort } from "../docker/port.ts";
import type { Enterable } from "../streams/enterable.ts";
import { Forwarder } from "./forwarder.ts";

/** A page makes many connections, with pauses between them. */
const LINGER_MS = 10_000;

interface Held {
  forwarder: Promise<Forwarder>;
  users: number;
  idle: NodeJS.Timeout | undefined;
}

export class Forwarders {
  readonly #docker: DockerPort;
  readonly #lingerMs: number;
  readonly #held = new Map<string, Held>();

  constructor(docker: DockerPort, lingerMs = LINGER_MS) {
    this.#docker = docker;
    this.#lingerMs = lingerMs;
  }

  /** Lends the container's forwarder. @throws DockerError when the container does not run */
  async use<T>(container: Enterable, work: (forwarder: Forwarder) => Promise<T>): Promise<T> {
    const held = this.#held.get(container.containerId) ?? this.#start(container);
    clearTimeout(held.idle);
    held.users++;
    try {
      return await work(await held.forwarder);
    } finally {
      held.users--;
      if (held.users === 0) held.idle = setTimeout(() => void end(held), this.#lingerMs).unref();
    }
  }

  #start(container: Enterable): Held {
    const { containerId } = container;
    const forget = () => {
      if (this.#held.get(containerId) === held) this.#held.delete(containerId);
    };
    const forwarder = Forwarder.start(this.#docker, container, forget);
    const held: Held = { forwarder, users: 0, idle: undefined };
    this.#held.set(containerId, held);
    forwarder.catch(forget);
    return held;
  }
}

async function end({ forwarder }: Held): Promise<void> {
  const started = await forwarder.catch(() => undefined);
  started?.end();
}
