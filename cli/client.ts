/** The API that commands go to: that of `SKEIN_API` and `SKEIN_TOKEN`, of the current context, or one on this machine. */
import { ApiProblem, createSkein, fetchFailure, type Skein } from "../sdk/index.ts";
import { CliError, Refusal } from "./cli-error.ts";
import { destination, type Environment, pinned, readContexts } from "./contexts.ts";
import { API_DATA } from "./paths.ts";
import { readAdminToken } from "./serve/data.ts";
import { httpUrl } from "./values.ts";
import { webSocket } from "./web-socket.ts";

const LOCAL_API = "http://127.0.0.1:8787";
/** A skein serve of this checkout belongs to the same user: so its token needs no copying. */
const LOCAL = { api: LOCAL_API, token: () => readAdminToken(API_DATA) };

function environment(): Environment {
  const { SKEIN_API, SKEIN_TOKEN, SKEIN_CONTEXT } = process.env;
  return { SKEIN_API: SKEIN_API ? httpUrl("SKEIN_API", SKEIN_API) : undefined, SKEIN_TOKEN, SKEIN_CONTEXT };
}

/** For a program that calls skein later: see {@link pinned}. */
export function pinnedEnvironment(): Record<string, string | null> {
  return pinned(environment(), readContexts(), LOCAL);
}

/** Runs `work` with the API, and turns connection and token errors into messages for people. */
export async function withApi<T>(work: (skein: Skein) => Promise<T>): Promise<T> {
  const { api, token } = destination(environment(), readContexts(), LOCAL);
  try {
    return await work(createSkein({ api, webSocket, ...(token === undefined ? {} : { token }) }));
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.status !== 401) throw new Refusal(error.problem);
    if (error instanceof ApiProblem) {
      throw new CliError(
        token === undefined
          ? `${api} wants a token`
          : `${api} does not take this token: ${error.problem.detail}`,
        `run: skein login ${api}, or set SKEIN_TOKEN. The installation's own token is in the file admin-token of the API's data directory`,
        error.problem,
      );
    }
    if (error instanceof TypeError && error.message === "fetch failed") {
      const detail = `no answer from the API at ${api} (${fetchFailure(error)})`;
      throw new CliError(
        detail,
        api === LOCAL_API
          ? "start it here with: skein serve, or go to another one with: skein login http://HOST:PORT"
          : "check that address, and that the API is up",
        {
          type: "urn:skein:error:unavailable",
          title: "The API does not answer",
          code: "unavailable",
          detail,
        },
      );
    }
    throw error;
  }
}
