/** Reads all request bodies: bounded, UTF-8, JSON. Each kind of failure has its own problem. */
import type { Context } from "hono";
import type { z } from "zod";
import { invalidFields, SkeinError } from "../../shared/errors/errors.ts";
import { fieldErrors } from "../../shared/request/spec.ts";
import { SETTINGS } from "../platform/installation-settings.ts";

export interface Body {
  bytes: Uint8Array<ArrayBuffer>;
  json: unknown;
}

export async function readBody(context: Context): Promise<Body> {
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new SkeinError("unsupported_media_type", "send the header Content-Type: application/json");
  }
  const bytes = await readBytes(context.req.raw);
  try {
    return {
      bytes,
      json: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes)),
    };
  } catch (error) {
    // V8 quotes what stands around the mistake, which may be a secret.
    const why = (error as Error).message.replace(/, (\.{3})?".*"(\.{3})? is not valid JSON$/s, "");
    throw new SkeinError("malformed_json", `the body cannot be read: ${why}`);
  }
}

/** Reads a body and validates it with a schema. */
export async function readAs<T extends z.ZodType>(context: Context, schema: T): Promise<z.output<T>> {
  return parsed(schema, (await readBody(context)).json);
}

/** @throws SkeinError `invalid_request` with every bad field. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw invalidFields(fieldErrors(result.error));
  return result.data;
}

/** Stops reading at the limit, whatever the Content-Length says. */
async function readBytes(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > SETTINGS.maxBodyBytes) {
      throw new SkeinError("body_too_large", `the body has more than ${SETTINGS.maxBodyBytes} bytes`);
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
