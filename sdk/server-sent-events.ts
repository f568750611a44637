/** Reads server-sent events (HTML Living Standard, 9.2.6), a block at a time. */

export interface Block {
  /** Undefined: the block has none. It may have an id and nothing else. */
  id: string | undefined;
  event: string;
  data: string;
}

/** Longer lines are not ours. */
const MAX_LINE = 1024 * 1024;

/** The blocks of a stream of bytes; comments are none. Lines end with LF, CR LF or CR. @throws Error if a line never ends */
export async function* blocksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Block, void, undefined> {
  let lines: string[] = [];
  for await (const line of linesOf(chunks)) {
    if (line !== "") {
      lines.push(line);
      continue;
    }
    const block = blockOf(lines);
    lines = [];
    if (block.id !== undefined || block.data !== "") yield block;
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the very end may be half of CR LF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    if (rest.length > MAX_LINE) throw new Error("a line of the event stream does not end");
    yield* lines;
  }
}

function blockOf(lines: readonly string[]): Block {
  const block: Block = { id: undefined, event: "message", data: "" };
  const data: string[] = [];
  for (const line of lines) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (field === "id") block.id = value;
    else if (field === "event") block.event = value;
    else if (field === "data") data.push(value);
  }
  return { ...block, data: data.join("\n") };
}
