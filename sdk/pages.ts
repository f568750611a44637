/** Lists of the API, one item at a time: the next page is asked for when the one before is used up. */
import type {
  AuditEntry,
  ListSessionsResponse,
  Node,
  Registry,
  Session,
  Token,
} from "./generated/types.gen.ts";

interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

type Ask<T> = (options: { query: { limit: number; cursor?: string } }) => Promise<Page<T>>;

/** Iterators over the API's lists, newest first; nodes by name. Each step that needs a page throws as its operation does. */
export interface Pages {
  /** The project's sessions, or those with this status, or with one of several. */
  sessions(query?: {
    status?: Session["status"] | readonly Session["status"][];
  }): AsyncGenerator<Session, void, undefined>;
  nodes(): AsyncGenerator<Node, void, undefined>;
  tokens(): AsyncGenerator<Token, void, undefined>;
  /** Those for which the project has credentials. */
  registries(): AsyncGenerator<Registry, void, undefined>;
  audit(): AsyncGenerator<AuditEntry, void, undefined>;
}

/** The operations that answer a page. */
interface Lists {
  listSessions(options: { query: object }): Promise<ListSessionsResponse>;
  listNodes: Ask<Node>;
  listTokens: Ask<Token>;
  listRegistries: Ask<Registry>;
  listAudit: Ask<AuditEntry>;
}

/** As many as the API gives at once. */
const LIMIT = 200;

export function pagesOf(lists: Lists): Pages {
  return {
    sessions: ({ status } = {}) =>
      itemsOf<Session>(({ query }) =>
        lists.listSessions({
          query: { ...(status === undefined ? {} : { status: [status].flat() }), ...query },
        }),
      ),
    nodes: () => itemsOf(lists.listNodes),
    tokens: () => itemsOf(lists.listTokens),
    registries: () => itemsOf(lists.listRegistries),
    audit: () => itemsOf(lists.listAudit),
  };
}

async function* itemsOf<T>(ask: Ask<T>): AsyncGenerator<T, void, undefined> {
  let cursor: string | null = null;
  do {
    const { items, nextCursor }: Page<T> = await ask({
      query: { limit: LIMIT, ...(cursor === null ? {} : { cursor }) },
    });
    yield* items;
    cursor = nextCursor;
  } while (cursor !== null);
}
