/** Frames that a node, or a stranger, may send to the API: conversations of valid, spoiled and absurd ones. */
import fc from "fast-check";
import { PING, PROTOCOL } from "../../shared/protocol/protocol.ts";
import { CONTAINER_STATUSES, PHASES } from "../../shared/session/lifecycle.ts";
import { identityOf } from "../../shared/testing/reports.ts";
import { ABOUT } from "../support/node.ts";
import { absurd, oddText, spoiled } from "./values.ts";

/**
 * A frame. In its text, `@node`, `@fleet`, `@signature`, `@own`, `@other`, `@theirs` stand for values that are known only when it is sent:
 * the dialling node, its fleet, its proof, a session that it has a part in, another node, and that node's session.
 */
export interface Frame {
  text: string;
  /** `binary`: as bytes. `broken`: as text that is not UTF-8. `huge`: followed by this many spaces, which JSON ignores. */
  as?: "binary" | "broken";
  huge?: number;
  /** The API must refuse it, even if the protocol's schemas accept it. */
  wrong?: true;
}

/** One connection: the text after `?node=`, and its frames. */
export interface Conversation {
  dial: string;
  frames: Frame[];
}

const own = <T>(...all: T[]) => fc.constantFrom(...all);
/** Mostly valid text. */
const mostly = <T>(right: T[], ...odd: T[]) =>
  fc.oneof({ weight: 200, arbitrary: own(...right) }, { weight: odd.length, arbitrary: own(...odd) });
const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });

export const text = (value: unknown): string => JSON.stringify(value) ?? "";

const subnets = Array.from({ length: 4096 }, (_, i) => `10.${64 + (i >> 8)}.${i & 255}.0/24`);
const about = fc.record({
  capacity: fc.record({
    cpu: own<number>(8, 8, 0, 5e-324, 0.1, 1e6, 1e308),
    memory: own<number>(2 ** 34, 0, 1, 2 ** 53 - 1),
    gpu: own<number>(0, 4, 1024, 2 ** 53 - 1),
  }),
  facts: fc.record({
    os: mostly(["Debian", "", "\0", "\ud800"], "x".repeat(300), "x".repeat(3_000_000)),
    kernel: own("6.1"),
    arch: own("x64", "__proto__"),
    dockerVersion: own("20.10"),
    agentVersion: own("0.1.0"),
    mtu: mostly([1500, 576, 65535], 0, -1),
    addresses: mostly([[], ["198.51.100.1"]], ["::1"], Array<string>(65).fill("198.51.100.1")),
    allows: fc.record({
      mounts: mostly(
        [[], [{ source: "/data", readOnly: true }]],
        [{ source: "/../data", readOnly: true }],
        Array(33).fill({ source: "/data", readOnly: false }),
        Array(32).fill({ source: `/${"\u{1F986}".repeat(2000)}`, readOnly: true }),
      ),
      devices: mostly([[], ["/dev/fuse"]], ["fuse"], Array(32).fill(`/${"\u20ac".repeat(4000)}`)),
      privileged: mostly<unknown>([true, false], "yes"),
      hostNetwork: mostly<unknown>([true, false], null),
    }),
    gpuIds: own<string[]>(
      [],
      ["0", "1"],
      ["0", "0", "", "\0"],
      ["__proto__", "constructor"],
      Array.from({ length: 1024 }, (_, i) => `GPU-${i}-${"x".repeat(200)}`),
      Array<string>(1024).fill("\u0001".repeat(256)),
    ),
    usedSubnets: own<string[]>(
      [],
      ["172.17.0.0/16"],
      ["10.64.0.0/12"],
      ["0.0.0.0/0"],
      ["0.0.0.0/1", "128.0.0.0/1"],
      ["no", "10.64.0.0/99", "::/0", "10.64.0.0/-1", "10.64.0.0/1e1", "999.1.1.1/8", "10.64.0.0/12/12", ""],
      subnets,
      Array<string>(4096).fill("\ud800".repeat(64)),
    ),
    usedVnis: mostly<unknown>(
      [[], [{ vni: 42, port: 4789 }], Array(4096).fill({ vni: 0xffffff, port: 14789 })],
      [{ vni: -1, port: 0 }],
      Array(4097).fill({ vni: 1, port: 1 }),
    ),
  }),
});
const said = fc.oneof({ weight: 3, arbitrary: fc.constant(ABOUT) }, about);

const hello = fc
  .record({
    said,
    address: own("192.0.2.1", "0.0.0.0", "255.255.255.255", "192.0.2.2"),
    has: mostly<unknown>(
      [
        [],
        [{ session: "@own", epoch: 1, keys: true }],
        [{ session: "@theirs", epoch: 2 ** 53 - 1, keys: false }],
      ],
      Array(4097).fill({ session: "ses_1", epoch: 1, keys: true }),
      [{ session: "../x", epoch: 1, keys: true }],
    ),
    nodes: mostly([0, 0, 1, 2, 2 ** 53 - 1], -1, 0.5),
  })
  .map(({ said: { capacity, facts }, address, has, nodes }) => ({
    ...{ type: "hello", protocol: PROTOCOL, fleet: "@fleet", node: "@node" },
    ...{ signature: "@signature", bootId: "boot", address, capacity, facts, has, nodes },
  }));
const wrongHello = fc
  .tuple(
    hello,
    own<object>(
      ...[{ fleet: "flt_1" }, { fleet: "" }, { node: "@other" }, { node: "__proto__" }, { node: "@own" }],
      ...[{ signature: "AAAA" }, { signature: "ß!" }, { signature: "A".repeat(86) }, { signature: "" }],
      ...[
        { protocol: { min: PROTOCOL.max + 1, max: 9 } },
        { protocol: { min: 0, max: 0 } },
        { protocol: { min: 9, max: 1 } },
      ],
      ...[{ protocol: { min: 0, max: 2 ** 53 - 1 } }, { protocol: null }, { bootId: "b".repeat(65) }],
    ),
  )
  .map(([right, wrong]) => ({ ...right, ...wrong }));

const host = mostly(["main1", "sub1", "sub2"], "__proto__", "../../etc", "main1\n", "x".repeat(33), "");
const container = fc.record(
  {
    host,
    status: own(...CONTAINER_STATUSES),
    containerId: mostly(["c1", "c2", "", "c".repeat(64)], "\0", "\ud800", "c".repeat(3_000_000)),
    exitCode: mostly([0, 1, 137, -1, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1)], 0.5),
    output: mostly(["bye", "\0", "\ud800", "x".repeat(16_384), "ﷺ".repeat(16_384)], "x".repeat(16_385)),
    reason: mostly(["it broke", "\u202e", "x".repeat(4096)], "x".repeat(4097)),
  },
  { requiredKeys: ["host", "status"] },
);
const identity = fc.record({
  host,
  user: mostly(
    ["root", "dev"],
    "-oProxyCommand=x",
    "root\n  ProxyCommand x",
    "a b",
    "\ud800",
    "u".repeat(256),
  ),
  hostKey: mostly(["A".repeat(43)], "ssh-rsa AAAA", `${"A".repeat(42)}\n`, "A".repeat(44)),
  userKey: own("B".repeat(43)),
});
const session = fc.oneof(
  { weight: 30, arbitrary: own("@own") },
  { weight: 10, arbitrary: own("@theirs") },
  { weight: 3, arbitrary: own("ses_1", "__proto__", "s".repeat(64)) },
  own("", "../../x", "a/b", "ses_\0", "s".repeat(3000), "s".repeat(3_000_000)),
);
const report = fc.record(
  {
    type: fc.constant("report"),
    session,
    epoch: mostly([1, 1, 1, 2, 3, 2 ** 53 - 1], 0, 2 ** 53),
    phase: mostly<string>(["none", ...PHASES, "prepared", "started", "running"], "exploded"),
    containers: fc.oneof(
      { weight: 20, arbitrary: fc.array(container, { maxLength: 3 }) },
      fc.constant(Array(5000).fill({ host: "main1", status: "running" })),
    ),
    identities: fc.oneof(
      fc.constant([identityOf("main1"), identityOf("sub1")]),
      fc.array(identity, { maxLength: 3 }),
    ),
    failure: fc.record({
      code: mostly(["image", "network_conflict", "create", "start", "proof", "internal"], "magic"),
      host: mostly(["main1", "sub1"], "\0"),
      message: mostly(["no such image", "", "\ud800", "m".repeat(4096)], "m".repeat(4097)),
    }),
  },
  { requiredKeys: ["type", "session", "epoch", "phase", "containers"] },
);
/** Reports of a working agent, so that sessions get far enough for the other frames to matter. */
const honest = own("prepared", "started", "running", "removed").map((phase) => ({
  ...{ type: "report", session: "@own", epoch: 1, phase },
  containers: ["main1", "sub1"].map((each) => ({ host: each, status: phase, containerId: "c1" })),
  ...(phase === "prepared" ? { identities: [identityOf("main1"), identityOf("sub1")] } : {}),
}));
const facts = said.map(({ capacity, facts: all }) => ({ type: "facts", capacity, facts: all }));
/** The new key stays unproven: its signature would need this connection's nonce. */
const rotate = own(
  { publicKey: "A".repeat(43), signature: "A".repeat(86) },
  { publicKey: "A".repeat(43), signature: "@signature" },
  { publicKey: "", signature: "" },
  { publicKey: "ß".repeat(64), signature: "=".repeat(128) },
).map((proof) => ({ type: "rotate", ...proof }));
const apis = own<object>(
  { type: "challenge", protocol: PROTOCOL, fleet: "@fleet", nonce: "n" },
  { type: "welcome", protocol: PROTOCOL.max, connection: 1, redialMs: 0, assignments: [] },
  { type: "assign", session: "@theirs", epoch: 1, phase: "removed" },
);

const right = fc.oneof(
  { weight: 4, arbitrary: report },
  { weight: 4, arbitrary: honest },
  { weight: 2, arbitrary: facts },
);
const frame: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 200, arbitrary: right.map((value) => ({ text: text(value) })) },
  { weight: 12, arbitrary: right.chain(spoiled).map((value) => ({ text: text(value) })) },
  { weight: 3, arbitrary: absurd.map((value) => ({ text: text(value) })) },
  {
    weight: 2,
    arbitrary: fc.tuple(right, fc.nat(1000)).map(([value, cut]) => ({ text: text(value).slice(0, cut) })),
  },
  { weight: 2, arbitrary: fc.oneof(hello, apis, rotate).map((value) => ({ text: text(value) })) },
  { weight: 2, arbitrary: right.map((value) => ({ text: text(value), as: "binary" as const })) },
  { weight: 1, arbitrary: right.map((value) => ({ text: text(value), as: "broken" as const })) },
  { weight: 2, arbitrary: oddText.map((odd) => ({ text: odd })) },
  {
    weight: 2,
    arbitrary: right.map((value) => ({
      text: text(value).replace("{", '{"__proto__":{"type":"hello"},"constructor":1,'),
    })),
  },
  {
    weight: 2,
    arbitrary: own({ text: PING }, { text: "pong" }, { text: "" }, { text: "[".repeat(100_000) }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(right, own(2 ** 20, 2 ** 20, 2 ** 25 - 2 ** 16, 2 ** 25 + 1))
      .map(([value, huge]) => ({ text: text(value), huge })),
  },
);

const greeting: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 20, arbitrary: hello.map((value) => ({ text: text(value) })) },
  { weight: 3, arbitrary: wrongHello.map((value) => ({ text: text(value) })) },
  { weight: 2, arbitrary: hello.chain(spoiled).map((value) => ({ text: text(value) })) },
  { weight: 1, arbitrary: frame },
);

const encoded = (odd: string) => encodeURIComponent(odd.toWellFormed()).slice(0, 500);

export const conversation: fc.Arbitrary<Conversation> = fc.record({
  dial: fc.oneof(
    { weight: 20, arbitrary: own("@node") },
    { weight: 2, arbitrary: own("@other") },
    own("node_nonsense", "", "%00", "@own", "__proto__", "@node&node=@other"),
    oddText.map(encoded),
  ),
  frames: fc
    .tuple(greeting, fc.array(frame, { minLength: 1, maxLength: 30 }), rarely(fc.nat(30)))
    // Some are sent twice.
    .map(([first, rest, twice]) => [first, ...rest, ...(twice === undefined ? [] : rest.slice(0, twice))]),
});
