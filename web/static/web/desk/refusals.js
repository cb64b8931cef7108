/** What refusals are told apart by, apart from the module that talks to the server: the page speaks of them without it, too. */

/** The status of a document that was here once. */
export const DELETED = 410;
