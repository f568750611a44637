/** Apps of a session: web servers in main1, as requests and answers have them. */
import { z } from "zod";

/** With the session's id it becomes one DNS label: `APP--ID`, of at most 58 characters. */
export const AppName = z
  .string()
  .regex(
    /^(?!.*--)[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$/,
    "must be a DNS label of at most 30 lower-case letters, digits and hyphens, without --",
  )
  .meta({ description: "Its name, unique in the session", example: "notebook" });

const port = z
  .int()
  .min(1)
  .max(65_535)
  .meta({ description: "Where it listens in main1: at 127.0.0.1, or at main1's address", example: 8888 });

// A browser takes `//host` and `/\host` for another site.
const path = z
  .string()
  .max(2048)
  .regex(/^\/(?![/\\])[!-~]*$/, "must begin with one /, and have printable ASCII characters only")
  .meta({ description: "Where it is opened; / unless given", example: "/lab" });

export const AppRequest = z
  .strictObject({ name: AppName, port, path: path.default("/") })
  .meta({ id: "AppRequest", description: "A web server in main1, which gets an origin of its own" });

export const App = z.object({ name: AppName, port, path }).meta({ id: "App" });
export type App = z.infer<typeof App>;
