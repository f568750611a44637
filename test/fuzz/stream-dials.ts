/** Dials of clients and agents that the API must refuse, and how. */
import { ClientSocket, type Offer } from "../support/client-socket.ts";
import type { TestApi } from "../support/server.ts";
import { TunnelSocket } from "../support/tunnel-socket.ts";

/** `dial` resolves with the problem; "": it was refused as it must be. */
export type Dials = { what: string; dial: () => Promise<string> }[];

interface Names {
  session: string;
  node: string;
  other: string;
  theirs: string;
}

const subprotocol = (token: string) =>
  `base64url.bearer.authorization.skein.${Buffer.from(token).toString("base64url")}`;
const bearer = (token: string): Offer => ({ headers: { authorization: `Bearer ${token}` } });

export async function dialsOf(api: TestApi, { session, node, other, theirs }: Names): Promise<Dials> {
  const mint = async (role: string, project: string) => {
    const made = await api.call("POST", "/v1/tokens", { role, project });
    return (await made.json()) as { token: string; id: string };
  };
  const viewer = await mint("viewer", "default");
  const stranger = await mint("user", "elsewhere");
  const revoked = await mint("user", "default");
  await api.call("DELETE", `/v1/tokens/${revoked.id}`);
  const path = (host: string, what: string, of = session) => `/v1/sessions/${of}/containers/${host}/${what}`;
  const exec = path("main1", "exec");

  const client = (what: string, status: number, url: string, offer?: Offer) => ({
    what: `a client's dial, ${what}`,
    dial: async () => {
      const socket = await ClientSocket.dial(api, url, offer);
      if (socket.refused === status) return "";
      socket.cut();
      return `answered with ${socket.refused || "a WebSocket"}, not with ${status} ${socket.answer}`;
    },
  });
  const agent = (what: string, query: string, code: number, status = 0) => ({
    what: `an agent's dial, ${what}`,
    dial: async () => {
      const socket = await TunnelSocket.dial(api, query);
      const closed = await socket.closed;
      if (status > 0 ? socket.refused === status : closed.code === code) return "";
      return `answered with ${socket.refused}, closed with ${closed.code}`;
    },
  });
  const nothing: Offer = { headers: {} };
  return [
    client("without a token", 401, exec, nothing),
    client("with a wrong token", 401, exec, bearer("wrong")),
    client("with a wrong token as subprotocol", 401, exec, {
      headers: {},
      protocols: ["skein.v1", subprotocol("wrong")],
    }),
    client("with a subprotocol that is no base64url", 401, exec, {
      headers: {},
      protocols: ["skein.v1", "base64url.bearer.authorization.skein.!"],
    }),
    client("with a revoked token", 401, exec, bearer(revoked.token)),
    client("of a viewer", 403, exec, bearer(viewer.token)),
    client("of a viewer to a port", 403, path("main1", "ports/80"), bearer(viewer.token)),
    client("of another project", 404, exec, bearer(stranger.token)),
    client("to no session", 404, path("main1", "exec", "nobody")),
    client("to a session's name that is none", 404, path("main1", "exec", "%00")),
    client("to no host", 404, path("main2", "exec")),
    client("to a host of absurd length", 400, path("m".repeat(65), "exec")),
    ...["0", "65536", "-1", "1e3", "0x50", "80%00", "99999999999999999999", "http"].map((port) =>
      client(`to port ${port}`, 400, path("main1", `ports/${port}`)),
    ),
    client("to no port", 404, path("main1", "ports/")),
    agent("without a session", `node=${node}`, 0, 400),
    agent("without a node", `session=${session}`, 0, 400),
    agent("with an id of absurd length", `node=${"n".repeat(257)}&session=${session}`, 0, 400),
    agent("as a node that is none", `node=node_none&session=${session}`, 4004),
    agent("for a session that is none", `node=${node}&session=ses_none`, 4004),
    // Nobody waits for these.
    agent("for a session that has a tunnel", `node=${node}&session=${session}`, 4011),
    agent("for another node's session", `node=${node}&session=${theirs}`, 4011),
    agent("as another node", `node=${other}&session=${session}`, 4011),
  ];
}
