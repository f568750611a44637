/** The HTTP API: routes, who may call them, the document that describes them. Keeps no state. */
import { SkeinError } from "../shared/errors/errors.ts";
import { noteRefusal } from "./audit/note.ts";
import { bearer } from "./http/auth.ts";
import { documentOf } from "./http/document.ts";
import { notFoundPage, wantsPage } from "./http/not-found-page.ts";
import { problemOf, problemResponse } from "./http/problem.ts";
import { newApp } from "./http/route.ts";
import { agents } from "./routes/agent-routes.ts";
import { apps } from "./routes/app-routes.ts";
import { audit } from "./routes/audit-routes.ts";
import { events } from "./routes/event-routes.ts";
import { files } from "./routes/files-routes.ts";
import { sessionLogs } from "./routes/log-routes.ts";
import { meta } from "./routes/meta-routes.ts";
import { nodes } from "./routes/node-routes.ts";
import { plans } from "./routes/plan-routes.ts";
import { registries } from "./routes/registry-routes.ts";
import { sessions } from "./routes/session-routes.ts";
import { sshKeys } from "./routes/ssh-key-routes.ts";
import { streams } from "./routes/stream-routes.ts";
import { tokens } from "./routes/token-routes.ts";

export const app = newApp();

meta(app);
sessions(app);
sshKeys(app);
streams(app);
files(app);
apps(app);
sessionLogs(app);
events(app);
plans(app);
nodes(app);
agents(app);
registries(app);
tokens(app);
audit(app);
// Each route checks access itself (auth.ts), so this sees only requests that no route answers.
app.use("/v1/*", bearer);

app.onError((error, context) => {
  noteRefusal(context, error);
  return problemOf(error, context);
});
app.notFound((context) => {
  const { path, method } = context.req;
  const allowed = methodsOf(path);
  if (allowed.length === 0) {
    const nothing = new SkeinError("not_found", `nothing is at ${path}: GET /docs shows what is`);
    return wantsPage(context.req.raw) ? notFoundPage(`nothing is at ${path}`) : problemResponse(nothing);
  }
  const error = new SkeinError(
    "method_not_allowed",
    `${path} does not answer ${method}; it answers ${allowed.join(", ")}`,
  );
  return problemResponse(error, { allow: allowed.join(", ") });
});

/** The methods of the documented path that matches this one. */
function methodsOf(path: string): string[] {
  return Object.entries(documentOf(app).paths ?? {})
    .filter(([template]) => new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, "[^/]+")}$`).test(path))
    .flatMap(([, item]) => Object.keys(item as object).map((method) => method.toUpperCase()));
}
