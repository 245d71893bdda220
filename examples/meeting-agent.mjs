// An agent that arranges a meeting with another one, sealed end to end. It asks when the other is free (QUERY), asks a
// plain ZeroMQ agent about the place, in plain words since that one has no keys, and proposes (PROPOSAL). The other says
// yes (CONFIRMATION) or no (REJECTION): examples/meeting-page.html is such a one, in a browser.
//
//     node examples/meeting-agent.mjs TOKEN [OTHER] [ADVISER] [URL]
//
// ada keeps no key here: who has met her and keeps her key (the page with a passphrase, say) refuses her new one at the
// next run, and she hears TIMEOUT_ERROR. Give her { passphrase, store } to stay who she is.
//
// TOKEN is what `npx broker token ada --jwt` prints. ADVISER: python3 examples/plain_agent.py adviser
import { NetworkError, SecureAgentSocket } from "synaptic-core/agent-network";

const [token, other = "bob", adviser = "adviser", url = "ws://127.0.0.1:8080/agent-network/v1/connect"] =
  process.argv.slice(2);
if (token === undefined) giveUp("say the token of ada: npx broker token ada --jwt");

const ada = new SecureAgentSocket(url, token, "ada", { answerTimeoutMs: 10_000 });
ada.onPeer = ({ peer, fingerprint }) => console.log(`${peer} has the key ${fingerprint}: compare it once`);
ada.onSecurityEvent = ({ peer, message }) => console.error(`${peer}: ${message}`);
ada.onError = ({ message }) => console.error(message);

try {
  await ada.connect();
  const week = { startDate: "2030-06-01T00:00:00Z", endDate: "2030-06-07T23:59:59Z", timeZone: "UTC" };
  const { availableTimes } = await ada.query(other, "AVAILABILITY", week);
  const [startTime] = availableTimes;
  console.log(`${other} is free at ${startTime}`);

  // Nobody but the two hears of the meeting: the adviser is asked for a place, and not told for whom.
  const advice = await ada.query(adviser, "CUSTOM", { text: "a quiet place for two?" }, { plain: true });
  console.log(`${adviser} says: ${advice.text}`);

  const decision = await ada.propose(other, {
    title: "Coffee",
    startTime,
    endTime: new Date(Date.parse(startTime) + 3_600_000).toISOString(),
    location: { name: advice.text },
    meetingType: "COFFEE",
    participants: ["ada", other],
    expiresAt: Date.now() + 60_000, // whoever is asked has a minute to say so
  });
  if (decision.status === "ACCEPTED") console.log(`${other} comes`);
  else console.log(`${other} does not come: ${decision.reason} ${decision.details ?? ""}`);
} catch (error) {
  if (!(error instanceof NetworkError)) throw error;
  giveUp(`${error.code}: ${error.message}`);
} finally {
  await ada.close();
}

function giveUp(message) {
  console.error(message);
  process.exit(1);
}
