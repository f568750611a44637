import { expect, test } from "vitest";
import { type LogOptions, readLogs } from "./logs.ts";

interface Asked {
  [name: string]: string;
}

const line = (host: string, second: number, text = `${host} ${second}`) =>
  JSON.stringify({ host, stream: "stdout", time: `2026-11-26T12:00:0${second}.000000000Z`, text });

/** Answers with these bodies, one after the other; all but the last break off. Resolves to what was read and asked. */
async function read(bodies: string[][], options: Partial<LogOptions> = {}, hosts = ["main1", "sub1"]) {
  const asked: Asked[] = [];
  const ask = async (query: Asked) => {
    const lines = bodies[asked.length]!;
    const isLast = asked.length === bodies.length - 1;
    asked.push(query);
    const body = new ReadableStream({
      pull(controller) {
        const next = lines.shift();
        if (next !== undefined) controller.enqueue(new TextEncoder().encode(`${next}\n`));
        else if (isLast) controller.close();
        else controller.error(new Error("the API is gone"));
      },
    });
    return new Response(body);
  };
  const texts: string[] = [];
  const lines = readLogs(
    ask,
    async () => hosts,
    { session: "s", ...options },
    async () => new Error("refused"),
  );
  for await (const { text } of lines) texts.push(text);
  return { texts, asked };
}

test("after a break lines go on behind what every host has sent, each once", async () => {
  const { texts, asked } = await read([
    [line("main1", 1), line("sub1", 2), line("main1", 3)],
    [line("sub1", 2), line("main1", 3), line("sub1", 4)],
  ]);
  expect(texts).toEqual(["main1 1", "sub1 2", "main1 3", "sub1 4"]);
  expect(asked).toEqual([{}, { since: "2026-11-26T12:00:02.000000000Z" }]);
});

test("a host that was not heard before the break still sends all its lines", async () => {
  const { texts, asked } = await read([
    [line("main1", 5)],
    [line("sub1", 1), line("sub1", 2), line("main1", 5), line("main1", 6)],
  ]);
  expect(texts).toEqual(["main1 5", "sub1 1", "sub1 2", "main1 6"]);
  expect(asked).toEqual([{}, {}]);
});

test("a span counts from the first request, and the last lines are asked for once", async () => {
  const { asked } = await read([[line("main1", 5)], [line("main1", 5)]], {
    since: "10m",
    tail: 3,
    follow: true,
  });
  expect(asked[0]).toEqual({ since: "10m", tail: "3", follow: "true" });
  expect(asked[1]).toEqual({ since: expect.stringMatching(/^20\d\d-.*Z$/), follow: "true" });
});

test("bytes that are not UTF-8 come as they were written", async () => {
  const text = JSON.stringify({
    ...(JSON.parse(line("main1", 1)) as object),
    ...{ text: "\ufffdA", base64: "/0E=" },
  });
  const lines = readLogs(
    async () => new Response(`${text}\n`),
    async () => [],
    { session: "s" },
    async () => new Error("refused"),
  );
  const all: number[][] = [];
  for await (const { bytes } of lines) all.push([...bytes]);
  expect(all).toEqual([[0xff, 0x41]]);
});
