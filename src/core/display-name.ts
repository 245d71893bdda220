import { z } from "zod";

/**
 * A name for people, which never routes: up to 128 characters, none of them a control character (line feeds, escapes of
 * terminals).
 */
export const displayName = z
  .string()
  .max(128)
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, "no control characters");
