/** One person at work: opens documents, keeps what is done with them, submits it exactly once, and goes on. */

import { Drafts, newSubmitId, Refused, Server, untilAnswered } from "./server.js";
import * as work from "./work.js";

const LOOK_AGAIN_MS = [400, 600, 1000, 1500, 2000, 3000, 4000];
const HEARTBEAT_MS = 4 * 60 * 1000;
const FINISHED = {
  done: "Every document that is yours to label is labelled. Thank you.",
  taken: "What is left is with somebody else just now. Look in again later.",
  empty: "There are no documents here yet. A manager can import some.",
};

export class Sitting {
  constructor(config, board, panel) {
    Object.assign(this, { config, board, panel });
    this.server = new Server({ base: config.api, csrf: config.csrf });
    this.drafts = new Drafts(config.owner);
    this.current = null;
    this.busy = false;
    this.finished = false;
    this.warned = false;
    this.sent = false;
    this.wake = null;
    addEventListener("popstate", (event) => this.openById(event.state?.document ?? config.document));
    setInterval(() => this.#heartbeat(), HEARTBEAT_MS);
  }

  begin() {
    this.panel.progress(this.config.progress);
    this.#sendLeftovers();
    if (this.config.document) this.openById(this.config.document);
    else this.next({ replace: true });
  }

  // --- opening --------------------------------------------------------------------------------------------------

  async next({ replace = false } = {}) {
    await this.#while("Fetching the next document…", async () => {
      const path = `projects/${this.config.project}/next`;
      const answer = await untilAnswered(() => this.server.post(path), this.#waiting("The next document"));
      if (!answer.document) {
        this.#finish(answer.reason);
        return;
      }
      const state = { document: answer.document.id };
      history[replace ? "replaceState" : "pushState"](state, "", this.#address(answer.document.id));
      await this.#open(answer);
    });
  }

  #address(id) {
    return this.config.document_url.replace(/0$/, id);
  }

  async openById(id) {
    if (!id) return;
    await this.#while("Opening…", async () => {
      const read = () => Promise.all(["", "/annotation", "/suggestions"].map((p) => this.server.get(`documents/${id}${p}`)));
      const [document, { annotation }, suggestion] = await untilAnswered(read, this.#waiting("The document"));
      await this.#open({ document, annotation, suggestion });
    });
  }

  async #open({ document, annotation, suggestion: { state, suggestion } }) {
    this.current = { document, annotation, looked: state, suggestion: this.#offer(suggestion), revision: annotation?.revision ?? 0 };
    this.warned = false;
    this.panel.document(document);
    const draft = this.drafts.read(document.id);
    const standing = annotation ? work.fromAnswer(annotation) : work.EMPTY;
    if (draft) {
      await this.#resume(draft);
      return;
    }
    // Somebody's finished work is not argued with: suggestions are for documents that wait.
    if (annotation && annotation.state !== "draft") this.current.suggestion = null;
    this.#show(standing);
    const how = annotation?.complete === false ? ", unfinished" : "";
    if (annotation) this.panel.state("", `You ${annotation.state} this before${how}; change it and submit again.`);
    else this.panel.state("saved", this.sent ? "Saved." : "");
    this.sent = false;
  }

  #show(done) {
    const { document, suggestion } = this.current;
    this.panel.toTop();
    this.board.open(document.text, done, suggestion?.items ?? []);
    this.panel.text.focus({ preventScroll: true });
    this.#explain();
  }

  /** Work that was kept here: go on with it, or, where the document moved on elsewhere, let the person choose. */
  async #resume(draft) {
    const { revision } = this.current;
    this.current.suggestion = draft.suggestion;
    this.#show(work.revive(draft.work));
    if (draft.sending) {
      this.panel.state("saving", "Sending what was not acknowledged before…");
      await this.#send(draft.sending);
    } else if (draft.revision === revision) {
      this.panel.state("kept", "Brought back what you had done here.");
    } else {
      await this.#choose(this.current.annotation, work.toAnswer(this.board.work));
    }
  }

  // --- suggestions ----------------------------------------------------------------------------------------------

  /** A question with one answer is offered the best choice only, not the whole ranking. */
  #offer(suggestion) {
    return suggestion && { ...suggestion, items: work.offered(suggestion.items, this.board.rules.multiple) };
  }

  #explain() {
    const { suggestion, annotation, looked } = this.current;
    this.panel.offersSuggestions(looked !== "no_model");
    if (looked === "blind") {
      this.panel.note("Labelled without suggestions, to measure the model honestly.", "check");
    } else if (suggestion) {
      const from = `from version ${suggestion.version}`;
      this.panel.note(suggestion.items.length ? `Suggestions ${from}` : `Version ${suggestion.version} suggests nothing here.`);
    } else if (annotation && annotation.state !== "draft") {
      this.panel.note("");
    } else if (looked === "no_model") {
      this.panel.note("No model yet: suggestions begin once some documents are labelled.");
    } else {
      this.#look(this.current.document.id);
    }
  }

  /** Look for suggestions that a worker is making just now; only for a while, and never in the way. */
  async #look(id) {
    this.panel.note("Looking for suggestions…", "waiting");
    for (const pause of LOOK_AGAIN_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (this.current?.document.id !== id || this.busy) return;
      const { suggestion } = await this.server.get(`documents/${id}/suggestions`).catch(() => ({ suggestion: null }));
      if (this.current?.document.id !== id || this.busy) return;
      if (suggestion) {
        this.current.suggestion = this.#offer(suggestion);
        this.board.show(this.current.suggestion.items);
        this.board.draw();
        this.#explain();
        return;
      }
    }
    this.panel.note("No suggestions just now. Go on; they catch up.");
  }

  // --- keeping and submitting -----------------------------------------------------------------------------------

  changed() {
    this.warned = false;
    this.#keep(null);
    if (this.kept) this.panel.state("kept", "Kept in this browser until you submit.");
    else this.panel.state("warn", "This browser keeps nothing: submit before you close the page.");
  }

  #keep(sending) {
    const { document, revision, suggestion } = this.current;
    this.kept = this.drafts.write(document.id, { work: this.board.work, revision, suggestion, sending });
  }

  /** What is not `complete` says nothing of whatever is not marked, undecided suggestions included. */
  async submit(state = "submitted", { complete = true } = {}) {
    if (!this.current || this.busy) return;
    const left = this.board.pending.length;
    if (state === "submitted" && complete && left > 0 && !this.warned) {
      this.warned = true;
      this.board.pick(this.board.stops()[0].id);
      const some = left === 1 ? "1 suggestion is" : `${left} suggestions are`;
      this.panel.state("warn", `${some} undecided. Enter again rejects; Ctrl+Enter accepts.`);
      return;
    }
    const { revision, suggestion } = this.current;
    const body = {
      submit_id: newSubmitId(),
      revision,
      state,
      complete,
      ...work.toAnswer(this.board.work),
      decisions: state === "submitted" ? work.decisions(this.board.work, suggestion, this.board.rules, complete) : [],
    };
    await this.#while("Saving…", () => this.#send(body));
  }

  async #send(body) {
    const { document } = this.current;
    this.#keep(body);
    const path = `documents/${document.id}/annotation`;
    try {
      await untilAnswered(() => this.server.put(path, body), this.#waiting("Your work"));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await this.#refused(error, body);
      return;
    }
    this.drafts.forget(document.id);
    this.#count(body);
    this.sent = true;
    this.busy = false;
    await this.next();
  }

  #count({ state }) {
    const { annotation } = this.current;
    const before = annotation?.state === "submitted" ? 1 : 0;
    this.config.progress.done += (state === "submitted" ? 1 : 0) - before;
    this.panel.progress(this.config.progress);
  }

  async #refused(error, body) {
    if (error.status === 409) {
      this.#keep(null);
      await this.#choose(error.current, body);
    } else if (error.status === 401 || error.status === 403) {
      this.expired = body;
      this.panel.state("warn", "You are signed out. Sign in in another tab; your work is kept here.", {
        action: "retry",
        label: "I am back: send it",
      });
      this.panel.say("You are signed out.");
    } else {
      this.#keep(null);
      const where = error.details.map(({ field, reason }) => `${field}: ${reason}`).join("; ");
      this.panel.state("warn", `Not accepted. ${where || error.message}`);
    }
  }

  /** The document was submitted from elsewhere: show both, keep one. */
  async #choose(standing, mine) {
    const theirs = standing ?? { spans: [], classes: {}, relations: [] };
    const choice = await this.panel.conflict(mine, theirs, this.board.text);
    this.current.annotation = standing;
    this.current.revision = standing?.revision ?? 0;
    if (choice === "theirs") {
      this.drafts.forget(this.current.document.id);
      this.current.suggestion = null;
      this.#show(standing ? work.fromAnswer(standing) : work.EMPTY);
      this.panel.state("saved", "This is what stands.");
    } else {
      this.#keep(null);
      this.panel.state("kept", "Yours is kept here. Submit it to replace the other.");
    }
  }

  /** After signing in elsewhere this page needs the new session's token; the desk's own page has it. */
  async retry() {
    if (this.wake) {
      this.wake();
      return;
    }
    if (!this.expired) return;
    const page = await fetch(location.href, { credentials: "same-origin" }).then((r) => r.text(), () => "");
    const found = new DOMParser().parseFromString(page, "text/html").getElementById("desk-config");
    const fresh = found && JSON.parse(found.textContent);
    if (!fresh) {
      this.panel.say("Still signed out.");
      return;
    }
    if (fresh.owner !== this.config.owner) {
      this.panel.state("warn", "Somebody else is signed in now. Your work is kept here for you.");
      return;
    }
    this.server.csrf = fresh.csrf;
    const body = this.expired;
    this.expired = null;
    await this.#while("Saving…", () => this.#send(body));
  }

  /** Submits of other documents that were never acknowledged: the page was closed too early. */
  async #sendLeftovers() {
    for (const id of this.drafts.unsent()) {
      if (id === this.config.document) continue;
      const { sending } = this.drafts.read(id);
      try {
        await this.server.put(`documents/${id}/annotation`, sending);
        this.drafts.forget(id);
        this.panel.say("An earlier submit was sent.");
      } catch (error) {
        // It stays kept. What was refused needs the person; the rest is sent again with the next visit.
        if (error instanceof Refused && error.status !== 401) this.panel.leftover(this.#address(id));
      }
    }
  }

  // --- state ----------------------------------------------------------------------------------------------------

  async #while(sentence, doing) {
    if (this.busy) return;
    this.busy = true;
    this.panel.busy(true);
    this.panel.state("saving", sentence);
    try {
      await doing();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.panel.state("warn", error.status === 401 ? "You are signed out. Reload to sign in." : error.message);
    } finally {
      this.busy = false;
      this.wake = null;
      this.panel.busy(false);
    }
  }

  #waiting(what) {
    return (seconds, error, now) => {
      this.wake = now;
      const sentence = `${error.message} ${what} waits here; trying again in ${seconds} s.`;
      this.panel.state("warn", sentence, { action: "retry", label: "Try now" });
    };
  }

  #finish(reason) {
    this.finished = true;
    this.current = null;
    this.board.clear();
    this.panel.finished(FINISHED[reason] ?? FINISHED.done);
    this.panel.state("saved", "");
  }

  #heartbeat() {
    if (this.current && !document.hidden) this.server.post(`documents/${this.current.document.id}/claim`).catch(() => null);
  }
}
