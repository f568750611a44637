/** Runs a command in a container for a client, with a terminal or with separate streams. */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { ExecStart, OpenExec } from "../../shared/streams/stream-messages.ts";
import type { Attached, Command, DockerPort } from "../docker/port.ts";
import { type Call, expectCall } from "../kit/call.ts";
import { execArgv } from "../kit/callers.ts";
import { rejectionOf } from "../rejection-of.ts";
import { enter, type Find, failureOf, notRunning } from "../streams/enterable.ts";
import { pump } from "../streams/pump.ts";
import { type Serve, type Stream, StreamFailure } from "../streams/stream.ts";
import { type Piece, piecesOf } from "./command-output.ts";
import { Keeper } from "./keeper.ts";
import { resizer } from "./resizer.ts";
import { type Spaced, spaced } from "./spaced.ts";

/** How long the engine may take until the kit's program in the container calls. */
const PATIENCE_MS = 30_000;
/**
 * How commands end that were left: a client may leave hundreds at once. While a command starts, containerd has room for 32 exits; each one more stops
 * all starts in the container for a second (containerd#13653, and `Reap` in its shim). So 16 end at once, and one each 100 ms.
 */
const [END_EVERY_MS, END_AT_ONCE] = [100, 16];
/** 128 + SIGKILL: also what a command gets whose container ends. */
const KILLED = 137;

/**
 * Serves commands. One that ends by itself leaves `exit` and `done`. If the client or the agent is lost, the keeper in the container ends the
 * command; nobody waits for that.
 */
export function serveExec(docker: DockerPort, find: Find): Serve<OpenExec> {
  const inTurn = spaced(END_EVERY_MS, END_AT_ONCE);
  return async function serveOneExec(stream, { host, start }) {
    const container = enter(find, host);
    let call: Call | undefined;
    try {
      call = await expectCall(container.selfDir);
      const attached = await docker.attach(container.containerId, commandOf(start, call.name));
      // A lost client's command may wait for its turn to end; its stream does not.
      const code = await Promise.race([
        run(stream, attached, call, start, inTurn),
        rejectionOf(stream.signal),
      ]);
      if (code === undefined) throw notRunning(host);
      stream.exit(code);
    } catch (error) {
      throw failureOf(host, error);
    } finally {
      call?.giveUp(new Error("the command is over"));
    }
  };
}

function commandOf({ command, tty, env, user, workdir }: ExecStart, socket: string): Command {
  const variables = { ...(tty ? { TERM: "xterm-256color" } : {}), ...env };
  return {
    argv: execArgv(socket, tty, command),
    tty: tty !== null,
    env: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    user,
    workdir,
  };
}

/** Resolves to the exit code once all output was sent; undefined if the container has ended. */
async function run(
  stream: Stream,
  attached: Attached,
  call: Call,
  { tty }: ExecStart,
  inTurn: Spaced,
): Promise<number | undefined> {
  const { socket } = attached;
  // Its iteration ends with the error, too.
  socket.on("error", () => {});
  const pieces = piecesOf(socket, tty !== null);
  let keeper: Keeper | undefined;
  const over = () => {
    keeper?.leave();
    socket.destroy();
  };
  let isLeft = false;
  const leave = () => {
    if (isLeft) return;
    isLeft = true;
    if (stream.signal.aborted) inTurn(over);
    else over();
  };
  stream.signal.addEventListener("abort", leave);
  try {
    stream.signal.throwIfAborted();
    const first = pieces.next();
    keeper = new Keeper(await calledBy(call, attached, first));
    stream.signal.throwIfAborted();
    const signal = keeper.signal.bind(keeper);
    const resize = resizer(attached);
    stream.onControl((message) => {
      if (message.type === "signal") signal(message.name);
      else if (tty) resize(message);
    });
    stream.opened();
    // Not awaited: the command may end without reading its input. A terminal has no end of file but Ctrl-D, which is a byte.
    pump(stream.input, socket).then(() => tty ?? socket.end(), leave);
    for (let next = await first; !next.done; next = await pieces.next())
      await stream.write(next.value.channel, next.value.bytes);
    stream.end();
    const code = await exitCode(attached, stream.signal);
    const keeperRan = await keeper.dismiss();
    return code === KILLED && !keeperRan ? undefined : code;
  } catch (error) {
    stream.signal.throwIfAborted();
    throw error;
  } finally {
    stream.signal.removeEventListener("abort", leave);
    leave();
  }
}

/** The command runs only after the call. Output before that is the engine's, which says why it cannot start it. @throws StreamFailure */
async function calledBy(
  call: Call,
  attached: Attached,
  first: Promise<IteratorResult<Piece, void>>,
): Promise<Socket> {
  const timer = setTimeout(() => {
    call.giveUp(new StreamFailure("failed", "the kit's program in the container does not answer"));
  }, PATIENCE_MS);
  const refused = async () => {
    const { value } = await first;
    const state = await attached.inspect();
    if (state?.started) return await call.taken;
    throw new StreamFailure("cannot_run", value?.bytes.toString().trim() || "the engine cannot start it");
  };
  try {
    return await Promise.race([call.taken, refused()]);
  } finally {
    clearTimeout(timer);
  }
}

/** The output of a command ends before the engine knows its exit code; and a command may close its output long before it ends. */
async function exitCode(attached: Attached, signal: AbortSignal): Promise<number | undefined> {
  for (let pause = 10; ; pause = Math.min(1000, 2 * pause)) {
    const state = await attached.inspect();
    if (!state?.running) return state?.exitCode;
    await delay(pause, undefined, { signal });
  }
}
