/** A client of an event stream: reads it as it comes, block by block. */
import { env, exports } from "cloudflare:workers";
import type { ContainerChanged, SessionChanged } from "../../shared/session/event-schemas.ts";

/** One block of the stream; `event` "" for one that only gives an id. */
export interface Block {
  id: number | undefined;
  event: string;
  data: Partial<Omit<SessionChanged, "status"> & Omit<ContainerChanged, "status">> & {
    status?: SessionChanged["status"] | ContainerChanged["status"];
  };
}

export interface Follow {
  after?: number | string;
  headers?: Record<string, string>;
}

export class EventStream {
  readonly response: Response;
  /** The comments so far: they are not among the blocks. */
  readonly comments: string[] = [];
  readonly #reader: ReadableStreamDefaultReader<string> | undefined;
  #text = "";

  constructor(response: Response) {
    this.response = response;
    this.#reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(path: string, { after, headers = {} }: Follow = {}): Promise<EventStream> {
    const all = {
      authorization: `Bearer ${env.SKEIN_ADMIN_TOKEN}`,
      ...(after === undefined ? {} : { "last-event-id": String(after) }),
      ...headers,
    };
    return new EventStream(await exports.default.fetch(`https://skein.test${path}`, { headers: all }));
  }

  /** Undefined: the stream has ended. */
  async next(): Promise<Block | undefined> {
    for (;;) {
      const text = await this.#block();
      if (!text?.startsWith(":")) return text === undefined ? undefined : blockOf(text);
      this.comments.push(text.slice(1).trim());
    }
  }

  async #block(): Promise<string | undefined> {
    while (!this.#text.includes("\n\n")) {
      const { done, value } = await this.#reader!.read();
      if (done) return undefined;
      this.#text += value;
    }
    const end = this.#text.indexOf("\n\n");
    const block = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    return block;
  }

  /** The blocks up to the first that fits, that one included. Rejects if the stream ends before. */
  async until(fits: (block: Block) => boolean): Promise<Block[]> {
    const blocks: Block[] = [];
    for (;;) {
      const block = await this.next();
      if (!block) throw new Error(`the stream has ended after ${JSON.stringify(blocks)}`);
      blocks.push(block);
      if (fits(block)) return blocks;
    }
  }

  /** The blocks up to the end. */
  async rest(): Promise<Block[]> {
    const blocks: Block[] = [];
    for (let block = await this.next(); block; block = await this.next()) blocks.push(block);
    return blocks;
  }

  async close(): Promise<void> {
    await this.#reader?.cancel();
  }
}

function blockOf(text: string): Block {
  const fields = new Map(
    text.split("\n").map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
  return {
    id: fields.has("id") ? Number(fields.get("id")) : undefined,
    event: fields.get("event") ?? "",
    data: fields.has("data") ? JSON.parse(fields.get("data")!) : {},
  };
}

/** `12 session running`, `13 container main1 running`: an event as short text. */
export function short({ id, event, data }: Block): string {
  return [id, event, data.host, data.status].filter((part) => part !== undefined).join(" ");
}
