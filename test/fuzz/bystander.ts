/** The other node of the fuzz run over the link: it works, and nothing that the fuzzed node sends may affect it. */
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done, identityOf } from "../../shared/testing/reports.ts";
import { ABOUT, type NodeSocket, TestNode } from "../support/node.ts";
import type { TestApi } from "../support/server.ts";

export class Bystander {
  readonly id: string;
  /** Its own alone, in its first state. */
  readonly session: SessionView;
  readonly #view: NodeView;
  readonly #link: NodeSocket;

  private constructor(session: SessionView, view: NodeView, link: NodeSocket) {
    this.id = view.id;
    this.session = session;
    this.#view = view;
    this.#link = link;
  }

  /** Joins, and runs a session of its own. `fault`: told of identities that are not the node's. */
  static async join(api: TestApi, image: string, fault: (what: string) => void): Promise<Bystander> {
    const node = await TestNode.join(api, "other", { ...ABOUT, address: "192.0.2.2" });
    const link = await node.follow((assign) => {
      for (const { host, rank } of assign.keys ? (assign.part?.containers ?? []) : []) {
        const { user, hostKey, userKey } = identityOf(host);
        const known = JSON.stringify(assign.keys![rank]);
        if (known !== JSON.stringify([user, hostKey, userKey]))
          fault(`another node's identity was taken for ${host}: ${known}`);
      }
      return done(assign);
    });
    const created = await api.call("POST", "/v1/sessions?wait=20", {
      image,
      name: "theirs",
      clusterSize: 2,
      resources: { cpu: 0.5 },
      placement: { labels: { name: "other" } },
    });
    const session = (await created.json()) as SessionView;
    if (session.status !== "running") throw new Error(`the other node's session is ${session.status}`);
    const view = (await (await api.call("GET", "/v1/nodes/other")).json()) as NodeView;
    return new Bystander(session, view, link);
  }

  /** What is not as it was. `shared`: a session that the fuzzed node has a part in, too. */
  changes(view: NodeView, session: SessionView, shared: SessionView | undefined): string[] {
    const constant = ({ lastSeenAt: _, ...rest }: NodeView) => rest;
    const theirs = (shared?.containers ?? []).filter(({ nodeId }) => nodeId === this.id);
    return [
      ...(this.#link.open ? [] : ["another node's link was closed"]),
      ...difference("another node's session", session, this.session),
      ...difference("another node", constant(view), constant(this.#view)),
      ...theirs.flatMap(({ host, containerId, exitCode, output }) => {
        const own = [null, `id-of-${host}`].includes(containerId) && exitCode === null && output === null;
        return own ? [] : [`another node's ${host} has ${containerId}, ${exitCode}, ${output}`];
      }),
    ];
  }

  close(): void {
    this.#link.close();
  }
}

/** A sentence if two values differ as JSON; otherwise nothing. */
export function difference(what: string, is: unknown, was: unknown): string[] {
  const [now, before] = [JSON.stringify(is), JSON.stringify(was)];
  return now === before ? [] : [`${what} is ${now}, not ${before}`];
}
