import { conversationCases } from "./conversation-cases.js";
import { costCases } from "./cost-cases.js";
import { deskCases } from "./desk-cases.js";
import { descriptionCases } from "./description-cases.js";
import { nameCases } from "./name-cases.js";
import { robustnessCases } from "./robustness-cases.js";
import { roomCases } from "./room-cases.js";
import { secrecyCases } from "./secrecy-cases.js";
import { mustBeWhole, Speaker, type ConformanceCase, type ConformanceSubject, type ViewerSubject } from "./subject.js";
import { tokenCases } from "./token-cases.js";
import { viewerCases } from "./viewer-cases.js";

export type {
  Answered,
  ConformanceCase,
  ConformanceSubject,
  Feature,
  Questions,
  SpokenSubject,
  ViewerSubject,
} from "./subject.js";

/**
 * What every dialect must do, one case each. They run the real engine and the real services in memory, without sockets,
 * under a clock of their own, and need no test framework. They see what a dialect does whenever the subject's frames
 * are said; they cannot see what it does once in a hundred times, for one name only, or by commands that the subject
 * does not tell of:
 * @example
 * for (const { section, name, run } of conformance(subject)) test(`${section}: ${name}`, run);
 */
export function conformance(subject: ConformanceSubject | ViewerSubject): readonly ConformanceCase[] {
  if (subject.viewers === true) return viewerCases(new Speaker(subject));
  mustBeWhole(subject);
  const speaker = new Speaker(subject);
  return [
    ...conversationCases(speaker),
    ...robustnessCases(speaker),
    ...roomCases(speaker),
    ...secrecyCases(speaker),
    ...tokenCases(speaker),
    ...costCases(speaker),
    ...nameCases(speaker),
    ...deskCases(speaker),
    ...descriptionCases(speaker),
  ];
}
