/** The API as the environment says: `SKEIN_API` and `SKEIN_TOKEN`. */
import { ApiProblem, createSkein, type Skein } from "../sdk/index.ts";
import { CliError, Refusal } from "./errors.ts";
import { API_DATA } from "./paths.ts";
import { readAdminToken } from "./serve/data.ts";
import { httpUrl } from "./values.ts";

const LOCAL_API = "http://127.0.0.1:8787";

/** Runs `work` with the API, and words what goes wrong on the way there for people. */
export async function withApi<T>(work: (skein: Skein) => Promise<T>): Promise<T> {
  const api = httpUrl("SKEIN_API", process.env["SKEIN_API"] || LOCAL_API);
  // A local skein serve of this checkout is its own user's: no need to copy the token over by hand.
  const token = process.env["SKEIN_TOKEN"] || (api === LOCAL_API ? readAdminToken(API_DATA) : undefined);
  try {
    return await work(createSkein({ api, ...(token === undefined ? {} : { token }) }));
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.status !== 401) throw new Refusal(error.problem);
    if (error instanceof ApiProblem) {
      throw new CliError(
        token === undefined
          ? `${api} wants a token`
          : `${api} does not take this token: ${error.problem.detail}`,
        "set SKEIN_TOKEN: the installation's own is in the file admin-token of the API's data directory",
      );
    }
    if (error instanceof TypeError && error.message === "fetch failed") {
      const { code, message } = error.cause as NodeJS.ErrnoException;
      throw new CliError(
        `no answer from the API at ${api} (${code ?? message})`,
        process.env["SKEIN_API"]
          ? "check SKEIN_API, and that the API is up"
          : "start it here with: skein serve, or say with SKEIN_API=http://HOST:PORT where it is",
      );
    }
    throw error;
  }
}
