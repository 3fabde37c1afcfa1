// The editor of SQL, by CodeMirror. It lives in a shadow root: there CodeMirror adopts its style sheets, which the
// Content-Security-Policy allows, where it would else write <style> elements, which that refuses.

import * as cm from "../../vendor/codemirror.js";
import { h } from "../../lib/dom.js";

/** @typedef {import("../../lib/catalogue.js").KnownFunction} KnownFunction */
/** @typedef {{from: number, to: number, text: string}} Statement */

const { tags } = cm;

const colours = cm.HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--literal)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: tags.typeName, color: "var(--accent)" },
]);

const look = cm.EditorView.theme({
  "&": { fontSize: "13px", backgroundColor: "var(--panel)", color: "var(--ink)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", minHeight: "130px", maxHeight: "45vh" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--muted)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--raised) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", color: "inherit" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-tooltip": { backgroundColor: "var(--panel)", color: "var(--ink)", border: "1px solid var(--rule)", borderRadius: "6px", boxShadow: "0 4px 16px #0003" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "12.5px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--accent)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  ".cm-tooltip.cm-completionInfo": { maxWidth: "380px", padding: "6px 9px", whiteSpace: "normal" },
  // A wavy line in place of the picture that the library draws from a data: address.
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)", textDecorationSkipInk: "none" },
  ".cm-lintPoint-error::after": { borderBottomColor: "var(--bad)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)" },
});

/**
 * Makes the editor.
 * @param {HTMLElement} into
 * @param {string} text
 * @param {{run: () => void, change: () => void}} on
 */
export function editor(into, text, on) {
  const root = into.attachShadow({ mode: "open" });
  const language = new cm.Compartment();
  const run = () => {
    on.run();
    return true;
  };
  const view = new cm.EditorView({
    root,
    parent: root,
    state: cm.EditorState.create({
      doc: text,
      extensions: [
        cm.Prec.highest(cm.keymap.of([{ key: "Mod-Enter", run }])),
        cm.lineNumbers(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(), cm.drawSelection(), cm.history(), cm.bracketMatching(), cm.closeBrackets(), cm.indentOnInput(),
        cm.highlightSelectionMatches(), cm.autocompletion({ activateOnTyping: true, maxRenderedOptions: 80 }), cm.syntaxHighlighting(colours), look,
        cm.placeholder("SELECT …   Ctrl-Enter runs the statement at the cursor, or the selection"),
        cm.EditorView.lineWrapping,
        cm.EditorView.contentAttributes.of({ "aria-label": "SQL" }),
        cm.EditorView.updateListener.of((/** @type {any} */ update) => update.docChanged && on.change()),
        language.of(cm.sql({ dialect: cm.PostgreSQL, upperCaseKeywords: true })),
        // Tab leaves the editor, as everywhere on the page.
        cm.keymap.of([...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.completionKeymap, ...cm.lintKeymap]),
      ],
    }),
  });

  return {
    view,
    text: () => /** @type {string} */ (view.state.doc.toString()),
    /** @param {string} text */
    put(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    /** Returns the selection, or the statement at the cursor. @returns {Statement | null} */
    statement() {
      const { from, to, head, empty } = view.state.selection.main;
      if (!empty) return trimmed(view.state, from, to);
      const found = statements(view.state);
      const at = found.find((one) => head >= one.from && head <= one.to) ?? found.filter((one) => one.to < head).pop() ?? found[0];
      return at ? trimmed(view.state, at.from, at.to) : null;
    },
    /**
     * Completes names of tables, columns and functions.
     * @param {Record<string, string[]>} tables
     * @param {KnownFunction[]} functions
     */
    learn(tables, functions) {
      view.dispatch({ effects: language.reconfigure([
        cm.sql({ dialect: cm.PostgreSQL, upperCaseKeywords: true, schema: tables }),
        cm.PostgreSQL.language.data.of({ autocomplete: completion(functions) }),
      ]) });
    },
    /**
     * Marks where a statement is wrong.
     * @param {Statement | null} statement
     * @param {number} [position] counted from 1 in the statement
     * @param {string} [message]
     */
    mark(statement, position, message) {
      const wrong = [];
      if (statement && position && view.state.doc.sliceString(statement.from, statement.to) === statement.text) {
        const from = statement.from + inUnits(statement.text, position - 1);
        const rest = /^(\w+|"[^"]*"|\S)/.exec(statement.text.slice(from - statement.from));
        wrong.push({ from, to: Math.min(from + (rest?.[0].length ?? 1), statement.to), severity: "error", message: message ?? "" });
      }
      view.dispatch(cm.setDiagnostics(view.state, wrong));
    },
    remove: () => view.destroy(),
  };
}

/** Where a character is that PostgreSQL counts by code points. @param {string} text @param {number} points */
function inUnits(text, points) {
  return [...text].slice(0, points).join("").length;
}

/** @param {any} state @returns {Array<{from: number, to: number}>} */
function statements(state) {
  const found = [];
  for (let node = cm.syntaxTree(state).topNode.firstChild; node; node = node.nextSibling) {
    if (node.name === "Statement") found.push({ from: node.from, to: node.to });
  }
  return found;
}

/** Leaves out white space and the semicolon. @param {any} state @param {number} from @param {number} to @returns {Statement | null} */
function trimmed(state, from, to) {
  const whole = state.doc.sliceString(from, to);
  const text = whole.trim().replace(/;\s*$/, "").trimEnd();
  const start = from + whole.indexOf(whole.trim()[0]);
  return text ? { from: start, to: start + text.length, text } : null;
}

/** @param {KnownFunction[]} functions */
function completion(functions) {
  const entries = functions.map((one) => ({
    label: one.name, type: "function", detail: `(${one.arguments.length > 40 ? "…" : one.arguments})`, apply: `${one.name}(`, boost: one.name.startsWith("powertree") ? 1 : 0,
    info: () => h("div", {}, h("b", {}, `${one.name}(${one.arguments})`), h("p", {}, `returns ${one.result}`), one.comment && h("p", {}, one.comment)),
  }));
  return (/** @type {any} */ context) => {
    const word = context.matchBefore(/\w+/);
    if (!word && !context.explicit) return null;
    const inside = cm.syntaxTree(context.state).resolveInner(context.pos, -1).name;
    if (["String", "LineComment", "BlockComment", "QuotedIdentifier"].includes(inside)) return null;
    return { from: word?.from ?? context.pos, options: entries, validFor: /^\w*$/ };
  };
}
