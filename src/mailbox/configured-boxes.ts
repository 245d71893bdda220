import type { BoxSettings, Opener } from "./box-owner.js";
import type { BoxRow } from "./mail-row.js";
import { byConfiguration } from "./mail-events.js";

/** A box of the configuration. */
export interface ConfiguredBox extends BoxSettings {
  readonly name: string;
}

/** What is used of all mailboxes. */
interface Boxes {
  mailbox(name: string): { readonly box: { readonly settings: Omit<BoxRow, "counts"> } } | undefined;
  openerFor(name: string): Opener;
  open(opener: Opener, settings: BoxSettings): Promise<unknown>;
}

/**
 * Opens the boxes of the configuration, and changes those that are open as it says.
 * @throws Fault full, unavailable, malformed
 */
export async function openConfigured(boxes: Boxes, configured: readonly ConfiguredBox[] = []): Promise<void> {
  await Promise.all(
    configured.map(async ({ name, ...settings }) => {
      const known = boxes.mailbox(name)?.box.settings;
      const isAsSaid = Object.entries(settings).every(([key, value]) => known?.[key as keyof BoxSettings] === value);
      if (known === undefined || !isAsSaid)
        await boxes.open({ ...boxes.openerFor(name), by: byConfiguration }, settings);
    }),
  );
}
