/** `skein events`. */
import type { Session, Skein } from "../../sdk/index.ts";
import { sayAway } from "../away.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { eventText } from "../event-text.ts";
import { print, printJson } from "../print.ts";
import { text } from "../terminal-text.ts";
import { wholeNumber } from "../values.ts";

export const events = defineCommand({
  options: {
    tail: {
      type: "string",
      value: "N",
      about: "begin with the last N, instead of all that are kept; 0: only with new ones",
    },
    ...JSON_OPTION,
  },
  positionals: { name: "SESSION", min: 0, max: 1 },
  notes:
    "Of one session until it ends, or of all sessions of the project. --json: one JSON object in each line.",
  async run({ options, positionals: [session] }) {
    const tail = options.tail === undefined ? {} : { tail: wholeNumber("tail", options.tail) };
    await withApi(async (skein) => {
      // The API that answers here is there: later the stream waits for it.
      const known = await knownSessions(skein, session);
      const names = new Map(known.map(({ id, name }) => [id, name]));
      // By its id: another session may get the name while this one is followed.
      const of = session === undefined ? {} : { session: known[0]!.id };
      for await (const event of skein.events({ ...of, ...tail, onConnection: sayAway() })) {
        if (event.event === "session") names.set(event.sessionId, event.name);
        if (options.json) printJson(event);
        else print(text`${event.time} ${eventText(event, names.get(event.sessionId) ?? event.sessionId)}`);
      }
    });
  },
});

/** The one, or the latest of the project. @throws ApiProblem, also for an unknown session */
async function knownSessions(skein: Skein, session: string | undefined): Promise<Session[]> {
  if (session !== undefined) return [await skein.getSession({ path: { id: session } })];
  return (await skein.listSessions({ query: { limit: 200 } })).items;
}
