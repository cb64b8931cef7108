import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ModelWatch } from "../../web/static/web/desk/model.js";

/** @param {string} stage @param {number | null} version @returns {any} */
const state = (stage, version) => ({ stage, version, moving: stage !== "collecting", sentence: stage, percent: null });

/** @param {any} first @param {...any} answers what the server says, one look after the other */
function watching(first, ...answers) {
  /** @type {any[]} */
  const heard = [];
  const server = {
    get: async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return { model: answer ?? first };
    },
  };
  Object.assign(globalThis, { document: { hidden: false }, window: globalThis });
  const watch = new ModelWatch(server, { model: first, model_url: "/training" }, {
    changed: ({ stage }) => heard.push(stage),
    arrived: (version) => heard.push(version),
  });
  return { watch, heard };
}

/** @param {number} ms */
async function pass(ms) {
  mock.timers.tick(ms);
  for (let i = 0; i < 5; i += 1) await Promise.resolve();
}

test("a model that moves is looked after every two seconds, and a version that arrives is told once", async (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const { watch, heard } = watching(state("queued", null), state("training", null), new Error("away"), state("collecting", 1));

  watch.begin();
  for (let i = 0; i < 3; i += 1) await pass(2000);
  await pass(19_000);

  assert.deepEqual(heard, ["queued", "training", "collecting", 1]);
});

test("before the first version each answer counts at once; afterwards a quiet model is left alone", async (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const { watch, heard } = watching(state("collecting", null), state("due", null), state("collecting", 1));

  watch.begin();
  watch.answered();
  await pass(1500);
  await pass(2000);
  watch.answered();
  await pass(1500);

  assert.deepEqual(heard, ["collecting", "due", "collecting", 1]);
});

test("whoever answers faster than that is told all the same", async (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const { watch, heard } = watching(state("collecting", null), state("due", null));

  watch.begin();
  for (let i = 0; i < 4; i += 1) {
    watch.answered();
    await pass(500);
  }

  assert.deepEqual(heard, ["collecting", "due"]);
});
