/** What the engine tells of its containers and networks. */
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { DockerPort, EngineEvent } from "../port.ts";
import { answer } from "./engine-answer.ts";

type Events = Pick<DockerPort, "events">;

export function eventSource(docker: Docker): Events {
  return {
    async events(signal) {
      const filters = { type: ["container", "network"], event: ["die", "destroy", "create"] };
      const stream = (await answer(docker.getEvents({ filters, abortSignal: signal } as object))) as Readable;
      return eventsOf(stream, signal);
    },
  };
}

/** One JSON object per line; a line may come in pieces. */
async function* eventsOf(stream: Readable, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  const abort = () => stream.destroy();
  signal.addEventListener("abort", abort);
  let rest = "";
  try {
    for await (const chunk of stream.setEncoding("utf8")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines.filter((each) => each.trim() !== "")) {
        const { Type, Action, Actor } = JSON.parse(line);
        yield { type: Type, action: Action, id: Actor.ID, attributes: Actor.Attributes ?? {} };
      }
    }
  } catch {
    // A broken stream ends like a finished one: the reader subscribes again in both cases.
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
