/** Sends the steps of a conversation, and tells the model of them. */
import { CHANNEL } from "../../shared/streams/frames.ts";
import type { ClientSocket } from "../support/client-socket.ts";
import type { AgentStep, ClientStep } from "./stream-steps.ts";
import type { StreamModel } from "./stream-verdict.ts";
import type { TunnelDesk } from "./tunnel-desk.ts";

export function sendAsClient(client: ClientSocket, step: ClientStep, model: StreamModel): void {
  const text = "credit" in step ? model.credit(step) : "text" in step ? step.text : undefined;
  if (!model.over) model.client(step, text);
  if ("act" in step) client[step.act]();
  else if ("raw" in step) client.raw(step.raw);
  else if (text === undefined)
    client.data(Buffer.alloc((step as { size: number }).size), (step as { channel: number }).channel);
  else if ("as" in step && step.as === "broken")
    client.raw(Buffer.concat([Buffer.from([0xff, 0xc3]), Buffer.from(text)]), false);
  else if ("as" in step && step.as === "huge") client.raw(text + " ".repeat(2 ** 25));
  else client.raw(text);
}

/** False if there is no such stream. */
export function sendAsAgent(desk: TunnelDesk, step: AgentStep, model: StreamModel): boolean {
  const { tunnel } = desk;
  if (step.to === "ended" && desk.ended === 0) return false;
  const numbers = { own: desk.number || desk.last + 1, ended: desk.ended, never: desk.last + 1000 };
  const number = numbers[step.to];
  const text = "credit" in step ? model.credit(step) : "text" in step ? step.text : undefined;
  model.agent(step, text);
  if ("act" in step) tunnel![step.act]();
  else if ("raw" in step) tunnel!.raw(step.as === "huge" ? Buffer.alloc(2 ** 25 + 1) : step.raw);
  else if (text !== undefined) tunnel!.send(number, CHANNEL.control, Buffer.from(text));
  else {
    const { channel, size } = step as { channel: number; size: number };
    tunnel!.send(number, channel as 1, Buffer.alloc(size));
  }
  return true;
}
