import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { FACTS } from "../../shared/testing/fixtures.ts";
import { makeLog } from "../log.ts";
import { joinFleet } from "./join.ts";

let server: Server | undefined;
afterEach(() => void server?.close());

async function api(answer: RequestListener): Promise<string> {
  server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const request = {
  joinToken: "skj_secret",
  publicKey: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  name: "one",
  address: "192.0.2.1",
  labels: {},
  capacity: { cpu: 1, memory: 1, gpu: 0 },
  facts: FACTS,
};
const never = new AbortController().signal;

function problem(status: number, code: string, detail: string): RequestListener {
  return (_, response) => {
    response.writeHead(status, { "content-type": "application/problem+json" });
    response.end(JSON.stringify({ status, code, detail }));
  };
}

test("tries again until the API answers, and logs that without the token", async () => {
  const log: string[] = [];
  let asked = 0;
  const url = await api((incoming, response) => {
    if (asked++ === 0) return void incoming.socket.destroy();
    if (asked === 2) return void response.writeHead(503).end();
    response.writeHead(201).end(JSON.stringify({ nodeId: "node_1", fleet: "flt_1" }));
  });
  const joined = await joinFleet(
    url,
    request,
    makeLog((line) => log.push(line)),
    never,
  );
  expect(joined).toEqual({ nodeId: "node_1", fleet: "flt_1" });
  expect(log).toHaveLength(2);
  expect(log.join("")).not.toContain("skj_secret");
});

test.each([
  [409, "name_in_use", "the name one is taken", /the name one is taken — choose another --name/],
  [401, "join_token_invalid", "the join token was used", /make a new one with `skein join-token`/],
  [400, "invalid_request", "address: must be an IPv4 address", /^the API refused the node: address: must be/],
])("a refusal is final and says what to do: %i %s", async (status, code, detail, said) => {
  const url = await api(problem(status, code, detail));
  await expect(
    joinFleet(
      url,
      request,
      makeLog(() => {}),
      never,
    ),
  ).rejects.toThrow(said);
});
