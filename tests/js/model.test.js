import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ModelWatch } from "../../web/static/web/desk/model.js";

/** @param {string} stage @param {number | null} version @param {object} [more] @returns {any} */
const state = (stage, version, more) => ({
  stage, version, moving: stage !== "collecting", missing: 10, seconds_left: null, sentence: stage, percent: null, ...more,
});

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

test("before the first version each answer counts at once; afterwards those do that may have begun a run", async (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const { watch, heard } = watching(
    state("collecting", null), state("due", null), state("collecting", 1, { missing: 3 }), state("training", 1),
  );

  watch.begin();
  watch.answered();
  await pass(500);
  await pass(2000);
  for (let i = 0; i < 2; i += 1) {
    watch.answered();
    await pass(500);
  }
  assert.deepEqual(heard, ["collecting", "due", "collecting", 1]);

  watch.answered();
  await pass(500);

  assert.deepEqual(heard, ["collecting", "due", "collecting", 1, "training"]);
});

test("a run that is about to end is looked after more often", async (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const ending = state("training", 1, { seconds_left: 3 });
  const { watch, heard } = watching(state("training", 1, { seconds_left: 4 }), ending, ending, state("collecting", 2));

  watch.begin();
  await pass(2000);
  await pass(500);
  await pass(500);

  assert.deepEqual(heard, ["training", "training", "training", "collecting", 2]);
});

test("a document that comes with a newer version's suggestions tells of it", async (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const { watch, heard } = watching(state("collecting", 1), state("collecting", 2));

  watch.begin();
  watch.heard(1);
  await pass(0);
  assert.deepEqual(heard, ["collecting"]);
  watch.heard(2);
  await pass(0);

  assert.deepEqual(heard, ["collecting", "collecting", 2]);
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
