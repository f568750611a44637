/** Lists of users' keys, as zod schemas: apart from their check, since client commands start without zod. */
import { z } from "zod";
import { keyProblem } from "./public-key.ts";

/** The keys that one session takes, in all. */
export const MOST_SSH_KEYS = 64;
/** RSA with 16,384 bits, the most that OpenSSH takes, has 2,750 characters. */
const LONGEST = 4096;

const SshKey = z
  .string()
  .max(LONGEST)
  .superRefine((line, context) => {
    const message = keyProblem(line);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

/** A request's list of keys. */
export const SshKeys = z
  .array(SshKey)
  .max(MOST_SSH_KEYS)
  .meta({
    description:
      "OpenSSH public keys, each a line of a .pub file, without options. Who has the private key may log in to every container by SSH, as the container's user",
    example: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyZ0sm8EZiGxAUPvNDyvlyYwqiphs5skQu6vd0f5vLb you@laptop"],
  });
