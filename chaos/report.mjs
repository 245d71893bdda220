/** What the lines of a run say (kit/scenario.ts), as Markdown: the last line of each scenario counts. */
export function reportOf(lines, { seed, seconds, node }) {
  const last = new Map(lines.map((line) => [line.number, line]));
  const scenarios = [...last.values()].sort((one, other) => one.number - other.number);
  const held = scenarios.filter(({ verdict }) => verdict === "held").length;
  const isHeld = scenarios.length > 0 && held === scenarios.length;
  const head = `# Faults

Written by \`npm run chaos\`, seed ${seed}, Node ${node}, ${seconds} s: ${held} of ${scenarios.length} scenarios held.
Times and memory are of the machine it ran on; *held* means: nobody crashed or hung, whoever was not concerned went on, and both ledgers added up, by
\`broker status --json\` where there is a broker process, of its last life (in 6 by the broker in the process, in 10 and 12 there is none; accepted = routed + stored + refused + unroutable + malformed; copies = written + dropped + pending).
`;
  return { text: [head, ...scenarios.map(section)].join("\n"), isHeld };
}

function section({ number, title, done, verdict, numbers, seconds }) {
  const rows = Object.entries(numbers).map(
    ([name, value]) => `| ${name} | ${typeof value === "number" ? value.toLocaleString("en") : value} |`,
  );
  const table = rows.length === 0 ? "" : `\n| | |\n|---|---|\n${rows.join("\n")}\n`;
  return `## ${number}. ${title}\n\n${done}. ${seconds} s.\n\n**${verdict.split("\n")[0]}**\n${table}`;
}
