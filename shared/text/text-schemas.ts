/** Formats of text that requests and answers share, as zod schemas. */
import { z } from "zod";

/** RFC 1123 label in lower case. */
export const DnsLabel = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a DNS label: lower-case letters, digits, hyphens; at most 63",
  );

/** Text that can be passed to a Linux process: no NUL, and no lone surrogate, which UTF-8 cannot encode. */
const TEXT = /^[^\0\p{Cs}]*$/u;
export const Text = z.string().regex(TEXT, "must be Unicode text without NUL").max(131_072);

/** An absolute path, written in one way only: no `.` or `..`, no empty part, no slash at the end. */
export const HostPath = z
  .string()
  .max(4096)
  .regex(
    /^(\/(?!\.{1,2}(\/|$))[^/\p{Cc}\p{Cs}]+)+$/u,
    "must be an absolute path without . or .., and not / itself",
  );

export const Time = z.string().meta({ description: "RFC 3339", example: "2026-11-24T12:00:00.000Z" });
