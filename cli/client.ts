/** The API that the environment names: `SKEIN_API` and `SKEIN_TOKEN`. */
import { ApiProblem, createSkein, fetchFailure, type Skein } from "../sdk/index.ts";
import { CliError, Refusal } from "./cli-error.ts";
import { API_DATA } from "./paths.ts";
import { readAdminToken } from "./serve/data.ts";
import { httpUrl } from "./values.ts";
import { webSocket } from "./web-socket.ts";

const LOCAL_API = "http://127.0.0.1:8787";

/** Runs `work` with the API, and turns connection and token errors into messages for people. */
export async function withApi<T>(work: (skein: Skein) => Promise<T>): Promise<T> {
  const api = httpUrl("SKEIN_API", process.env["SKEIN_API"] || LOCAL_API);
  // A skein serve of this checkout belongs to the same user: so its token needs no copying.
  const token = process.env["SKEIN_TOKEN"] || (api === LOCAL_API ? readAdminToken(API_DATA) : undefined);
  try {
    return await work(createSkein({ api, webSocket, ...(token === undefined ? {} : { token }) }));
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
      throw new CliError(
        `no answer from the API at ${api} (${fetchFailure(error)})`,
        process.env["SKEIN_API"]
          ? "check SKEIN_API, and that the API is up"
          : "start it here with: skein serve, or set SKEIN_API=http://HOST:PORT to its address",
      );
    }
    throw error;
  }
}
