/** Files into and out of containers, as tar archives over HTTP. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { invalidFields, SkeinError } from "../../shared/errors/errors.ts";
import type { ContainerStatus } from "../../shared/session/lifecycle.ts";
import { FilesPath } from "../../shared/streams/stream-messages.ts";
import { noteWayIn } from "../audit/way-in.ts";
import { access } from "../http/auth.ts";
import { problems } from "../http/problem.ts";
import type { AppEnv } from "../http/request-context.ts";
import { type App, streamed } from "../http/route.ts";
import { toBase64Url } from "../platform/hash.ts";
import { sessionOf, tunnelOf } from "../platform/objects.ts";
import type { FilesDial } from "../tunnel/dials.ts";
import { ContainerParam, few, present, SessionParam, sessionIdOf } from "./find-session.ts";

const TAR = "application/x-tar";
/** JSON of what the path is, in base64url; much like Docker's `X-Docker-Container-Path-Stat`. */
const STAT_HEADER = "skein-path-stat";
/** In the place of a host: all containers. */
const ALL = "*";

const path = FilesPath.openapi({
  description: "A path in the container; a relative one counts from its working directory",
  example: "/data",
});
const archive = z.string().openapi({ format: "binary", description: "A tar archive, not compressed" });
const refusals = problems(
  "invalid_request",
  "unauthorized",
  "forbidden",
  "not_found",
  "not_running",
  "too_many_streams",
  "node_disconnected",
);

const get = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/containers/{host}/files",
  ...access("getFiles"),
  tags: ["streams"],
  summary: "Read files of a container (tar)",
  description:
    "A tar archive of the file or directory, whose names begin with the path's last part. The header `Skein-Path-Stat` has JSON in base64url: `name`, `type`, `isDirectory` (of what it leads to), `size`, `mode`, `linkTarget`. HEAD answers with that header alone. An answer that breaks off before the archive's end is not whole.",
  request: {
    params: ContainerParam,
    query: z.object({ path }),
  },
  responses: { 200: { description: "The archive", content: { [TAR]: { schema: archive } } }, ...refusals },
});

const put = createRoute({
  method: "put",
  path: "/v1/sessions/{id}/containers/{host}/files",
  ...access("putFiles"),
  tags: ["streams"],
  summary: "Write files into a container, or into all (tar)",
  description:
    "Unpacks a tar archive in a directory, which must be there unless `parents` is true. The container may run, wait at its gate, or have ended. The files belong to the container's user; modes and links are kept. The body has no limit: it is passed on as fast as the container takes it. With `*` it goes into all containers, and a problem names those that failed.",
  request: {
    params: SessionParam.extend({
      host: z
        .string()
        .max(64)
        .openapi({ description: "The container's host name; `*`: all", example: "main1" }),
    }),
    query: z.object({
      path,
      parents: z.enum(["true", "false"]).optional().openapi({
        description: "Make the directory if it is missing, and those above it",
        example: "true",
      }),
    }),
    body: { required: true, content: { [TAR]: { schema: archive } } },
  },
  responses: {
    204: { description: "All of it is in the container" },
    ...refusals,
    ...problems("unsupported_media_type", "no_space"),
  },
});

export function files(app: App): void {
  app.openapi(get, async (context) => {
    const { id, host } = context.req.valid("param");
    if (host === ALL)
      throw invalidFields([{ field: "host", message: "must be one container, to read from" }]);
    const dial = await dialOf(context, id, host, context.req.valid("query").path, false);
    const tunnel = tunnelOf(context.env, dial.session);
    // The router answers HEAD with this handler.
    const isHead = context.req.raw.method === "HEAD";
    if (!isHead) await noteWayIn(context, { session: dial.session, host });
    const { stat, body } = isHead
      ? { stat: await tunnel.statFiles(dial), body: null }
      : await tunnel.getFiles(dial);
    return streamed(body, {
      "content-type": TAR,
      "cache-control": "no-store",
      [STAT_HEADER]: toBase64Url(new TextEncoder().encode(JSON.stringify(stat))),
    });
  });

  app.openapi(put, async (context) => {
    const { id, host } = context.req.valid("param");
    const { path: where, parents } = context.req.valid("query");
    const dial = await dialOf(context, id, host, where, parents === "true");
    const type = context.req.header("content-type") ?? "";
    if (!/^application\/x-tar\s*(;|$)/i.test(type))
      throw new SkeinError("unsupported_media_type", `send the header Content-Type: ${TAR}`);
    const { body } = context.req.raw;
    if (!body) throw invalidFields([{ field: "body", message: "must be a tar archive" }]);
    await noteWayIn(context, { session: dial.session, host });
    await tunnelOf(context.env, dial.session).putFiles(dial, body);
    return context.body(null, 204);
  });
}

/** The engine has the container: running, waiting at its gate, or ended. */
const HAS_FILES: ReadonlySet<ContainerStatus> = new Set(["prepared", "started", "running", "exited"]);

/** @throws SkeinError `not_found`, `not_running` */
async function dialOf(
  context: Context<AppEnv>,
  idOrName: string,
  host: string,
  where: string,
  parents: boolean,
): Promise<FilesDial> {
  const { actor, project, expiresAt } = context.get("caller");
  const session = await sessionIdOf(context, idOrName);
  const { name, status, containers } = present(
    idOrName,
    await sessionOf(context.env, session).get(project, 0),
  );
  const wanted = containers.filter((each) => host === ALL || each.host === host);
  if (wanted.length === 0) {
    const hosts = containers.map((each) => each.host);
    throw new SkeinError("not_found", `session ${name} has no container ${host}; it has ${few(hosts)}`);
  }
  const targets = wanted.map(({ host: each, status: its, node, nodeId }) => {
    if (HAS_FILES.has(its) && node !== null && nodeId !== null)
      return { host: each, node: { id: nodeId, name: node } };
    throw new SkeinError(
      "not_running",
      `session ${name} is ${status}, and ${each} is ${its}: only a container that its node has made, and not removed, has files`,
    );
  });
  return { session, targets, path: where, parents, token: { actor, expiresAt } };
}
