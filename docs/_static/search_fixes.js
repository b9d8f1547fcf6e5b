// Sphinx 9.0's Chinese search uses a stemmer under a name that Sphinx does not define; later releases, which need
// Python 3.12, use the English one: https://github.com/sphinx-doc/sphinx/issues/14229
Object.defineProperty(window, "ChineseStemmer", { get: () => EnglishStemmer });

// The search looks for the anchor of a result by an unescaped selector, which finds none that has dots.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const { htmlToText } = Search;
  Search.htmlToText = (html, anchor) => htmlToText(html, anchor && `#${CSS.escape(anchor.slice(1))}`);
});
