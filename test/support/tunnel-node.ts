/** A node without containers whose tunnels are the agent's own code: streams go to a function of the test. */

import { makeLog } from "../../agent/log.ts";
import type { Serve } from "../../agent/streams/stream.ts";
import { Tunnels } from "../../agent/streams/tunnels.ts";
import type { Open } from "../../shared/streams/stream-messages.ts";
import { ABOUT, type About, type NodeSocket, TestNode } from "./node.ts";
import type { ApiClient } from "./server.ts";

export class TunnelNode {
  readonly node: TestNode;
  readonly link: NodeSocket;
  readonly #tunnels: Tunnels;
  readonly #leaving: AbortController;

  private constructor(node: TestNode, link: NodeSocket, tunnels: Tunnels, leaving: AbortController) {
    this.node = node;
    this.link = link;
    this.#tunnels = tunnels;
    this.#leaving = leaving;
    link.onTunnel = (session) => tunnels.want(session);
  }

  /** Joins, and obeys from then on. */
  static async start(
    api: ApiClient,
    name: string,
    serve: Serve<Open>,
    about: About = ABOUT,
  ): Promise<TunnelNode> {
    const node = await TestNode.join(api, name, about);
    const leaving = new AbortController();
    const tunnels = new Tunnels(
      {
        api: api.server.url,
        fleet: node.fleet,
        node: node.id,
        sign: (text) => node.sign(text),
        serverOf: () => serve,
        log: makeLog(() => {}),
      },
      leaving.signal,
    );
    return new TunnelNode(node, await node.follow(), tunnels, leaving);
  }

  /** Resolves when its streams have been served. */
  async close(): Promise<void> {
    this.#leaving.abort();
    this.link.close();
    await this.#tunnels.closed();
  }
}
