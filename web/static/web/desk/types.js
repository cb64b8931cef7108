/**
 * What travels between the server and the desk's modules. Only types: nothing loads this file.
 *
 * @typedef {{ id: number, external_id: string, title: string, text: string, meta: any, split?: string }} Doc
 * @typedef {import("./work.js").Answer} Answer
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./suggesting.js").Item} Item
 * @typedef {import("./suggesting.js").Suggestion} Suggestion
 * @typedef {{ state: string, version: number | null, suggestion: Suggestion | null, terms?: import("./terms.js").Term[] }} Looked
 *   state: ready, pending (a worker was asked), no_model or blind (held out); terms: of the dictionary, until a model has looked
 * @typedef {Answer & { document: number, revision: number, state: string, complete: boolean, submit_id: string,
 *   updated_at: string, flag: string, comment: string, milliseconds: number | null, stands: string,
 *   decisions?: import("./suggesting.js").Decision[] }} Annotation
 *   as its annotator left it: a draft, if there is one; `stands` is the state of the answer that counts, if any does
 * @typedef {{ stage: string, version: number | null, moving: boolean, missing: number, seconds_left: number | null, sentence: string, percent: number | null }} Model
 *   what a project's model is doing, in words; moving: it changes within seconds or minutes by itself
 * @typedef {{ document: Doc, annotation: Annotation | null, suggestion: Looked }} Sheet a document as it is handed out
 * @typedef {Answer & { submit_id: string, revision: number, state: string, complete: boolean, decisions: any[],
 *   flag: string, comment: string, milliseconds: number, beside?: number[] }} Body what is sent about a document; beside: those
 *   whose terms are wanted with the answer
 * @typedef {Record<string, import("./terms.js").Term[]>} Terms of documents, by their ids
 * @typedef {{ kind: "span" | "choice" | "relation", name: string, color: string, key: string, question?: string,
 *   retired?: boolean, pairs?: string[][] }} Label
 * @typedef {{ name: string, multiple: boolean }} Question
 * @typedef {{ done: number, total: number, today: number, mine: number, day_ends: number }} Progress answers given of those
 *   wanted; what this person labelled today, in all, and when their day ends, in ms
 * @typedef {{ api: string, csrf: string, owner: string, project: number, desk_url: string, document_url: string,
 *   signin_url: string, allow_overlap: boolean, pending_suggestions: "leave" | "reject" | "ask", labels: Label[], questions: Question[],
 *   progress: Progress, first: Sheet | null, reason: string, model: Model, model_url: string }} Config
 */

export {};
