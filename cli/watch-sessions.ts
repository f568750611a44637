/** Keeps a list of sessions current by their events: what an event names is asked for again, at most once a second. */
import { ApiProblem, type Session, type Skein } from "../sdk/index.ts";
import { isFinal } from "./passing.ts";

export interface Watch {
  /** All that are to be shown. */
  list(): Promise<Session[]>;
  /** Whether a session that was asked for again is still to be shown. */
  keeps(session: Session): boolean;
  /** Called with each change, newest session first. */
  show(sessions: Session[]): void;
  onConnection(connected: boolean, reason?: string): void;
}

const PAUSE_MS = 1000;
/** The queue knows what a waiting session waits for; no event tells of it. */
const ASK_REASON_MS = 5000;
/** With more changed sessions at a time a new list is cheaper. */
const ASK_EACH = 5;

/** Runs until the API refuses. @throws ApiProblem */
export async function watchSessions(skein: Skein, watch: Watch): Promise<void> {
  const stop = new AbortController();
  let refusal: unknown;
  const sessions = new SessionList(skein, watch);
  const refresher = new Refresher(
    () => sessions.refresh(),
    (error) => {
      refusal = error;
      stop.abort();
    },
  );
  const asking = setInterval(() => {
    if (sessions.noteWaiting()) refresher.ask();
  }, ASK_REASON_MS);
  const onConnection = (connected: boolean, reason?: string) => {
    watch.onConnection(connected, reason);
    if (!connected) return;
    sessions.noteAll();
    refresher.ask();
  };
  try {
    for await (const { sessionId } of skein.events({ tail: 0, signal: stop.signal, onConnection })) {
      sessions.note(sessionId);
      refresher.ask();
    }
  } finally {
    clearInterval(asking);
  }
  throw refusal;
}

class SessionList {
  readonly #skein: Skein;
  readonly #watch: Watch;
  #known = new Map<string, Session>();
  #changed = new Set<string>();
  #allChanged = true;
  #shown = "";

  constructor(skein: Skein, watch: Watch) {
    this.#skein = skein;
    this.#watch = watch;
  }

  note(id: string): void {
    this.#changed.add(id);
  }

  noteAll(): void {
    this.#allChanged = true;
  }

  /** Notes those that wait for room. False: there is none. */
  noteWaiting(): boolean {
    const waiting = [...this.#known.values()].filter(({ status }) => status === "pending");
    for (const { id } of waiting) this.note(id);
    return waiting.length > 0;
  }

  async refresh(): Promise<void> {
    const all = this.#allChanged || this.#changed.size > ASK_EACH;
    const changed = [...this.#changed];
    this.#changed.clear();
    this.#allChanged = false;
    try {
      if (all) this.#known = new Map((await this.#watch.list()).map((session) => [session.id, session]));
      else await Promise.all(changed.map((id) => this.#ask(id)));
    } catch (error) {
      this.#allChanged = true;
      throw error;
    }
    this.#show();
  }

  async #ask(id: string): Promise<void> {
    const session = await this.#skein.getSession({ path: { id } }).catch((error: unknown) => {
      if (error instanceof ApiProblem && error.problem.status === 404) return undefined;
      throw error;
    });
    if (session && this.#watch.keeps(session)) this.#known.set(id, session);
    else this.#known.delete(id);
  }

  #show(): void {
    const sorted = [...this.#known.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    const text = JSON.stringify(sorted);
    if (text !== this.#shown) this.#watch.show(sorted);
    this.#shown = text;
  }
}

/** Does its work when it is asked to, never twice at once, and with a pause in between. */
class Refresher {
  readonly #work: () => Promise<void>;
  readonly #refused: (error: unknown) => void;
  #isBusy = false;
  #isAsked = false;

  constructor(work: () => Promise<void>, refused: (error: unknown) => void) {
    this.#work = work;
    this.#refused = refused;
  }

  ask(): void {
    this.#isAsked = true;
    if (!this.#isBusy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#isAsked) {
      this.#isAsked = false;
      try {
        await this.#work();
      } catch (error) {
        if (isFinal(error)) return this.#refused(error);
        this.#isAsked = true;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.#isBusy = false;
  }
}
