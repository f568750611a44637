import { expect, test } from "vitest";
import { readFrame } from "./api-frames.ts";

const layout = {
  name: "one",
  network: { driver: "bridge", subnet: "10.64.0.0/24", mtu: 1500, port: 14789, egress: true },
  nodes: [["192.0.2.1", "10.64.0.254"]],
  roles: [["main", 1]],
  slots: [1],
  members: [["10.64.0.2", 0, 0]],
  env: {},
  launchers: {},
  logs: { bytes: 67_108_864, seconds: 604_800 },
};
const part = { place: 0, containers: [], proof: { ssh: [], ping: [] } };
const assign = { type: "assign", session: "ses_1", epoch: 1, phase: "prepared", layout, part };

test("optional fields of a newer API are dropped, at any depth", () => {
  const newer = {
    ...assign,
    fromTheFuture: 1,
    layout: { ...layout, network: { ...layout.network, fromTheFuture: { b: 1 } } },
    part: { ...part, fromTheFuture: [2] },
  };
  expect(readFrame(JSON.stringify(newer))).toEqual(assign);
});

test.each([
  ["no JSON", "{"],
  ["no such type", '{"type":"explode"}'],
  ["a field is missing", '{"type":"challenge","protocol":{"min":1,"max":1},"fleet":"f"}'],
  ["a bad address", JSON.stringify({ ...assign, layout: { ...layout, members: [["x", 0, 0]] } })],
  ["a part without its layout", JSON.stringify({ ...assign, layout: undefined })],
])("a frame is refused: %s", (_, text) => {
  expect(() => readFrame(text)).toThrow();
});

test("what secrets may be in is read, and no error quotes a frame", () => {
  const secretEnv = { main: { TOKEN: "planted" } };
  const registries = [
    { host: "r.example", login: { username: "robot", password: "planted" } },
    { host: "s.example" },
  ];
  const text = JSON.stringify({ ...assign, part: { ...part, secretEnv }, registries });
  expect(readFrame(text)).toMatchObject({ part: { secretEnv }, registries });
  expect(() => readFrame(`${text} planted`)).toThrow(/^the frame is not JSON$/);
  expect(() => readFrame(text.replace('"robot"', "7"))).toThrow(
    /^registries.0.login.username: (?!.*planted)/,
  );
});
