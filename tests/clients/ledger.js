"use strict";
// What a client could do, as ledger.py keeps it: each capability is shown by calls that succeed.
const WAIT_SECONDS = Number(process.env.CLIENT_WAIT_SECONDS || 30);

class Ledger {
  constructor(client, version) {
    Object.assign(this, { client, version, steps: [], called: new Set(), known: new Set() });
  }

  shows(capability, step) {
    this.steps.push([capability, step]);
  }

  // Demands that every function of an object be called once: `without` names those that are not for callers.
  watch(owner, names) {
    for (const name of names) {
      this.known.add(name);
      const method = owner[name];
      owner[name] = (...given) => {
        const answer = method.apply(owner, given);
        this.called.add(name);
        return answer;
      };
    }
  }

  async run() {
    const shown = new Set();
    const failed = {};
    for (const [capability, step] of this.steps) {
      try {
        await step();
        shown.add(capability);
      } catch (error) {
        const told = [error.message, error.code, error.response && JSON.stringify(error.response.data)].join(" ");
        failed[`${capability}: ${step.name || "step"}`] = `${error.stack || error}\n${told}`;
      }
    }
    for (const text of Object.keys(failed)) shown.delete(text.slice(0, text.lastIndexOf(": ")));
    const uncovered = [...this.known].filter((name) => !this.called.has(name)).sort();
    const report = { client: this.client, version: this.version, shown: [...shown], failed, uncovered };
    process.stdout.write("\n" + JSON.stringify(report) + "\n", () => process.exit(0));
  }
}

async function until(question, what) {
  const deadline = Date.now() + WAIT_SECONDS * 1000;
  while (Date.now() < deadline) {
    const found = await question();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${typeof what === "function" ? what() : what}`);
}

// Lets the exchange's time pass faster: news comes when the market has closed.
async function hurry() {
  await fetch(`${process.env.EXCHANGE_REST}/v1/control/speed`, {
    method: "POST",
    headers: {
      "APCA-API-KEY-ID": process.env.EXCHANGE_KEY,
      "APCA-API-SECRET-KEY": process.env.EXCHANGE_SECRET,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ speed: 3000 }),
  });
}

function check(truth, what) {
  if (!truth) throw new Error(`not so: ${what}`);
}

module.exports = { Ledger, until, check, hurry };
