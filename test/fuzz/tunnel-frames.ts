/** What an API may send on a tunnel, right and wrong: conversations with one agent. */
import fc from "fast-check";
import { FRAME_BYTES } from "../../shared/streams/frames.ts";
import { SIGNALS } from "../../shared/streams/stream-messages.ts";
import { absurd, oddText, spoiled } from "./values.ts";

/** What the run's agent does with a stream, by its port; `exec` reads everything. */
export const PORTS = { holds: 1, refuses: 2, breaks: 3, late: 4, echoes: 9 } as const;

/** Which stream a frame is for: one of those that live (modulo their number), one that has ended, or one that was never opened. */
export type To = number | "ended" | "never";

export type TunnelStep = { times?: number } & (
  | { open: "next" | "skipping" | "again"; text: string }
  | { to: To; text: string }
  | { to: To; channel: number; size: number }
  | { raw: string | Buffer }
);

export interface TunnelConversation {
  /** The first frame, instead of the right challenge. */
  first?: string | Buffer;
  steps: TunnelStep[];
}

const own = <T>(...all: T[]) => fc.constantFrom(...all);
const textOf = (value: unknown): string => JSON.stringify(value) ?? "";

const opening = fc
  .tuple(
    own<object>(
      ...Object.values(PORTS).map((port) => ({ kind: "port", host: "main1", port })),
      { kind: "port", host: "main1", port: PORTS.echoes },
      { kind: "exec", host: "main1", start: { type: "start", command: ["cat"], tty: null } },
    ),
    own(2 ** 20, 2 ** 15),
  )
  .map(([what, window]) => ({ type: "open", window, ...what }));

const control = fc.oneof(
  fc.record({ type: fc.constant("resize"), cols: own(1, 65_535), rows: own(1, 24) }),
  fc.record({ type: fc.constant("signal"), name: own(...SIGNALS) }),
  fc.constant({ type: "end" }),
  fc.record({ type: fc.constant("close"), code: own("client_gone", "revoked"), reason: own("", "bye") }),
  fc.record({ type: fc.constant("credit"), bytes: own(1, 2 ** 20) }),
);
const wrongText = (from: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 4, arbitrary: from.chain(spoiled).map(textOf) },
    { weight: 1, arbitrary: absurd.map(textOf) },
    { weight: 1, arbitrary: oddText },
    { weight: 1, arbitrary: own("", "[".repeat(100_000), textOf({ type: "end", x: "a".repeat(2 ** 20) })) },
  );
const to: fc.Arbitrary<To> = fc.oneof(
  { weight: 20, arbitrary: fc.nat(5) },
  { weight: 1, arbitrary: own<To>("ended", "never") },
);
const size = own(0, 1, 1000, FRAME_BYTES - 1, FRAME_BYTES);
const resize = textOf({ type: "resize", cols: 80, rows: 24 });

const step: fc.Arbitrary<TunnelStep> = fc.oneof(
  { weight: 12, arbitrary: opening.map((open) => ({ open: "next" as const, text: textOf(open) })) },
  { weight: 1, arbitrary: opening.map((open) => ({ open: "skipping" as const, text: textOf(open) })) },
  { weight: 30, arbitrary: fc.record({ to, channel: fc.constant(0), size, times: own(1, 1, 1, 5, 20) }) },
  { weight: 14, arbitrary: fc.record({ to, text: control.map(textOf) }) },
  { weight: 1, arbitrary: fc.record({ to, text: fc.constant(resize), times: own(64, 65, 200) }) },
  // These end the tunnel, so there are few.
  {
    weight: 1,
    arbitrary: fc.oneof<fc.Arbitrary<TunnelStep>[]>(
      opening.map((open) => ({ open: "again" as const, text: textOf(open) })),
      wrongText(opening).map((text) => ({ open: "next" as const, text })),
      fc.record({ to, text: wrongText(control) }),
      fc.record({ to, channel: own(1, 2, 4, 255), size }),
      fc.record({ to, channel: fc.constant(0), size: own(FRAME_BYTES + 1, 2 ** 20) }),
      own<TunnelStep>(
        ...["", "ping", "{}", textOf({ type: "challenge", fleet: "flt_fuzz", nonce: "n" })].map((raw) => ({
          raw,
        })),
        ...[Buffer.alloc(0), Buffer.alloc(4), Buffer.alloc(33 * 2 ** 20)].map((raw) => ({ raw })),
      ),
    ),
  },
  { weight: 1, arbitrary: fc.constant({ raw: "pong" }) },
);
/** More than a tunnel may carry. */
const crowd: fc.Arbitrary<TunnelStep> = fc.constant({
  open: "next",
  text: textOf({ type: "open", window: 2 ** 15, kind: "port", host: "main1", port: PORTS.holds }),
  times: 300,
});

export const tunnelConversation: fc.Arbitrary<TunnelConversation> = fc
  .tuple(
    fc.oneof(
      { weight: 30, arbitrary: fc.constant(undefined) },
      {
        weight: 1,
        arbitrary: own<string | Buffer>(
          textOf({ type: "challenge", fleet: "flt_other", nonce: "n" }),
          textOf({ type: "challenge", fleet: "flt_fuzz", nonce: "n".repeat(300) }),
          "{",
          Buffer.alloc(6),
        ),
      },
    ),
    fc.array(step, { minLength: 1, maxLength: 40 }),
    fc.oneof(
      { weight: 20, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: crowd.map((each) => [each]) },
    ),
  )
  .map(([first, steps, more]) => ({
    ...(first === undefined ? {} : { first }),
    steps: [...steps, ...more],
  }));
