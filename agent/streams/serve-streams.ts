/** What serves each kind of stream. */
import type { Open } from "../../shared/streams/stream-messages.ts";
import type { Serve, Stream } from "./stream.ts";

/** Kind of stream → what serves it. */
export type Servers = { [K in Open["kind"]]: Serve<Extract<Open, { kind: K }>> };

export function serveBy(servers: Servers): Serve<Open> {
  return async function serveByKind(stream: Stream, open: Open): Promise<void> {
    if (open.kind === "exec") await servers.exec(stream, open);
    else if (open.kind === "port") await servers.port(stream, open);
    else if (open.kind === "files") await servers.files(stream, open);
    else if (open.kind === "http") await servers.http(stream, open);
    else await servers.logs(stream, open);
  };
}
