/** Keys of users that are added to a live session. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { SshKeys } from "../../shared/ssh/ssh-schemas.ts";
import { access } from "../http/auth.ts";
import { readAs } from "../http/body.ts";
import { problems } from "../http/problem.ts";
import { type App, json, withBody } from "../http/route.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { present, SessionParam, sessionIdOf } from "./find-session.ts";

const EXAMPLE = {
  keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyZ0sm8EZiGxAUPvNDyvlyYwqiphs5skQu6vd0f5vLb you@laptop"],
};

const Added = z
  .strictObject({ keys: SshKeys.min(1, "must have a key") })
  .meta({ id: "SshKeysRequest", example: EXAMPLE });

const Answer = z
  .object({
    keys: z.int().meta({ description: "How many keys may log in now", example: 2 }),
    missingOn: z.array(z.string()).meta({
      description:
        "Names of nodes whose containers do not take all of them yet. They will once they are connected",
      example: [],
    }),
  })
  .meta({ id: "SshKeysAnswer" });

const add = createRoute({
  method: "post",
  path: "/v1/sessions/{id}/ssh-keys",
  ...access("addSshKeys"),
  tags: ["sessions"],
  summary: "Let more SSH keys log in",
  description:
    "Adds OpenSSH public keys to a live session, for all of its containers, also those that start later. A key that it has already changes nothing. Answers once the nodes that are connected have taken them, after 10 s at the latest.",
  request: { params: SessionParam },
  responses: {
    200: json(Answer, "They may log in"),
    ...problems(
      "malformed_json",
      "invalid_request",
      "unauthorized",
      "forbidden",
      "not_found",
      "not_running",
      "body_too_large",
      "unsupported_media_type",
    ),
  },
});

export function sshKeys(app: App): void {
  app.openapi(withBody(app, add, Added, EXAMPLE), async (context) => {
    const idOrName = context.req.valid("param").id;
    const { actor, project } = context.get("caller");
    // Before the body: another project's session is unknown, whatever is asked of it.
    const id = await sessionIdOf(context, idOrName);
    const { keys } = await readAs(context, Added);
    const session = sessionOf(context.env, id);
    // The entry in the audit log comes before the change.
    if (present(idOrName, await session.newSshKeys(project, keys)) > 0)
      await fleetOf(context.env).noteSshKeys({ actor, project }, id);
    return context.json(present(idOrName, await session.addSshKeys(project, keys)), 200);
  });
}
