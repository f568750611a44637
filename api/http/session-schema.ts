/** The JSON Schema of a request for a session, for editors: they complete and check a YAML file with it. */
import { z } from "zod";
import { SessionRequest } from "../../shared/request/request-schemas.ts";

/** Draft 7, which all editors' YAML and JSON plug-ins know. */
export function sessionSchema(): object {
  return z.toJSONSchema(SessionRequest, { io: "input", target: "draft-7" });
}
