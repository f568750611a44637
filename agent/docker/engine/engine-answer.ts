/** Requests and answers, as dockerode takes and gives them. */
import { type CreateBody, DockerError } from "../port.ts";

/** Turns the errors of docker-modem into a DockerError with the engine's own message. */
export async function answer<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const { statusCode, json, message } = error as {
      statusCode?: number;
      json?: { message?: string };
      message: string;
    };
    // When a stream was requested, docker-modem leaves the body unread and puts a prefix of its own before the engine's message.
    const words = json?.message ?? message.replace(/^\(HTTP code \d+\) .*? - /s, "");
    throw new DockerError(words.trim(), statusCode, { cause: error });
  }
}

/** Undefined where the engine answers with one of these statuses. */
export async function unless<T>(statuses: number[], asked: Promise<T>): Promise<T | undefined> {
  try {
    return await answer(asked);
  } catch (error) {
    if (error instanceof DockerError && statuses.includes(error.status ?? 0)) return undefined;
    throw error;
  }
}

/** By default docker-modem puts the whole body into the query too: a line that is too long, with variables in the engine's log. */
export function inBody(body: CreateBody, query: Record<string, string> = {}): unknown {
  return { _query: query, _body: body };
}
