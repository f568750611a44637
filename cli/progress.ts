/** The progress of a session on stderr: on a terminal lines that are drawn again in place; elsewhere a line for each change. */
import type { Session, SkeinEvent } from "../sdk/index.ts";
import { awayText, sayAway } from "./away.ts";
import { eventText } from "./event-text.ts";
import { countsText } from "./followed-session.ts";
import { say } from "./print.ts";
import { progressLines, sessionLine } from "./progress-lines.ts";
import { TerminalBlock } from "./terminal-block.ts";
import { type Text, text } from "./terminal-text.ts";

export interface Progress {
  /** The session after the event; without one, as the API shows it. */
  update(session: Session, event?: SkeinEvent): void;
  /** Whether the API answers, else why not. */
  connection(connected: boolean, reason?: string): void;
  /** What follows on the terminal stands on an empty line. */
  end(): void;
}

export function startProgress(): Progress {
  const block = TerminalBlock.on("stderr");
  return block ? onTerminal(block) : inLines(say);
}

const FRAME_MS = 100;

function onTerminal(block: TerminalBlock): Progress {
  let shown: Session | undefined;
  let reason: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    timer = undefined;
    if (shown) block.draw(progressLines(shown, reason, block.screen));
    else if (reason !== undefined) block.draw([awayText(reason)]);
  };
  const soon = () => {
    timer ??= setTimeout(draw, FRAME_MS);
  };
  const stopResizing = block.onResize(soon);
  return {
    update(session) {
      const isFirst = shown === undefined;
      shown = session;
      if (isFirst) draw();
      else soon();
    },
    connection(connected, why = "it closed the connection") {
      reason = connected ? undefined : why;
      soon();
    },
    end() {
      clearTimeout(timer);
      stopResizing();
      block.clear();
    },
  };
}

/** Sessions with more containers get lines that count them. */
const LINE_EACH = 64;
/** Between two lines of counts, or of the progress of a pull. */
const PAUSE_MS = 5000;

/** `now` in ms since 1970. */
export function inLines(print: (line: string | Text) => void, now: () => number = Date.now): Progress {
  let last = "";
  let printedAt = 0;
  const tell = (line: Text) => {
    if (String(line) === last) return;
    last = String(line);
    print(line);
  };
  const sometimes = (line: Text) => {
    if (now() - printedAt < PAUSE_MS) return;
    printedAt = now();
    tell(line);
  };
  return {
    update(session, event) {
      if (event === undefined || event.event === "session") {
        tell(sessionLine(session));
      } else if (event.event === "progress") {
        sometimes(eventText(event, session.name));
      } else if (
        session.containers.length <= LINE_EACH ||
        event.status === "exited" ||
        event.status === "lost"
      ) {
        tell(eventText(event, session.name));
      } else {
        sometimes(text`${session.name}: ${countsText(session)}`);
      }
    },
    connection: sayAway(print),
    end() {},
  };
}
