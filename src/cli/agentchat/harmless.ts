import { steerless } from "../output.js";

/**
 * Text of strangers, without what could steer a terminal: see {@link steerless}; further lines are indented, so that
 * none looks like a line of ours.
 */
export function untrustedText(text: string): string {
  return steerless(text.replace(/\r\n?/g, "\n")).replace(/\n(?! {4})/g, "\n    ");
}
