/** Tells people that the API does not answer, and that it answers again. */
import { say } from "./print.ts";
import { type Text, text } from "./terminal-text.ts";

export function awayText(reason: string): Text {
  return text`no answer from the API (${reason}): trying again`;
}

/** For `onConnection` of the SDK's `events`. */
export function sayAway(
  tell: (line: string | Text) => void = say,
): (connected: boolean, reason?: string) => void {
  let isAway = false;
  return (connected, reason = "it closed the connection") => {
    if (!connected) tell(awayText(reason));
    else if (isAway) tell("the API answers again");
    isAway = !connected;
  };
}
